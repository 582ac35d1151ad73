"""What only an instructor needs: run a learner's code, judge it from outside, keep the marks.

``nnutils`` never imports this package. The way of one submission: ``repair`` (mend the notebook) -> ``execute`` (run
its cells) -> ``student`` (call the learner's names, plain data back) -> ``grade`` (hidden tests) -> ``classroom`` (a
whole class, the gradebook, ``grades.csv``) -> ``feedback`` (what the learner reads).
"""
