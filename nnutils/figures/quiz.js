// Questions of the chapters: <div class="quiz" data-quiz="id"> with <details class="quiz-option" data-correct="true|false">.
// Without this script the options unfold their explanations; with it they say right or wrong, and the page remembers.

const memory = {
  read(key) {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? [];
    } catch {
      return [];
    }
  },
  write(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Private windows may refuse; the quiz then forgets when the page is left.
    }
  },
};

function made(tag, className, text, attributes = {}) {
  const element = Object.assign(document.createElement(tag), { className, textContent: text });
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function startQuiz(div, changed) {
  const options = [...div.querySelectorAll("details.quiz-option")];
  const key = `quiz:${location.pathname.split("/").slice(-2).join("/")}:${div.dataset.quiz}`;
  const isRight = (option) => option.dataset.correct === "true";
  const wanted = options.filter(isRight).length;
  const status = made("p", "quiz-status", "", { role: "status" });
  const again = made("button", "quiz-again", "Start again", { type: "button" });
  const foot = made("div", "quiz-foot", "");
  foot.append(status, again);
  div.append(foot);
  div.classList.add("quiz-live");
  options.forEach((option, i) => {
    const summary = option.querySelector("summary");
    const text = made("span", "quiz-text", "");
    text.append(...summary.childNodes);
    summary.append(made("span", "quiz-letter", "abcdefgh"[i]), text);
  });
  let tried = memory.read(key).filter((i) => options[i]);

  const found = () => tried.filter((i) => isRight(options[i])).length;
  const done = () => found() === wanted;
  const show = () => {
    options.forEach((option, i) => {
      const chosen = tried.includes(i);
      option.classList.toggle("quiz-right", chosen && isRight(option));
      option.classList.toggle("quiz-wrong", chosen && !isRight(option));
      const summary = option.querySelector("summary");
      let mark = summary.querySelector(".quiz-mark");
      if (!chosen) mark?.remove();
      else if (!mark) summary.append(made("span", "quiz-mark", isRight(option) ? "✓ right" : "✗ not this"));
    });
    const wrong = tried.length - found();
    const tries = wrong === 0 ? "at the first try" : `after ${wrong} wrong ${wrong === 1 ? "choice" : "choices"}`;
    if (!tried.length) status.textContent = wanted > 1 ? `Choose ${wanted} answers.` : "Choose an answer.";
    else if (done()) status.textContent = `Right, ${tries}.`;
    else if (isRight(options[tried.at(-1)])) status.textContent = `Right: ${found()} of ${wanted} found.`;
    else status.textContent = "Not this one. Read why, then choose another.";
    again.hidden = !tried.length;
    changed();
  };
  options.forEach((option, i) => {
    option.addEventListener("toggle", () => {
      if (!option.open || tried.includes(i) || done()) return; // once answered, the others are opened to read why
      tried.push(i);
      memory.write(key, tried);
      show();
    });
  });
  again.addEventListener("click", () => {
    tried = [];
    memory.write(key, tried);
    options.forEach((option) => (option.open = false));
    show();
    options[0].querySelector("summary").focus();
  });
  return { show, done };
}

function startQuizzes() {
  const divs = [...document.querySelectorAll("div.quiz[data-quiz]")].filter((div) => div.querySelector("details.quiz-option"));
  if (!divs.length) return;
  const tally = made("p", "quiz-tally", "");
  divs.at(-1).after(tally);
  const quizzes = [];
  const count = () => {
    const right = quizzes.filter((quiz) => quiz.done()).length;
    tally.textContent = `${right} of ${divs.length} questions on this page answered.`;
  };
  for (const div of divs) quizzes.push(startQuiz(div, count));
  quizzes.forEach((quiz) => quiz.show());
}

if (document.readyState === "loading") addEventListener("DOMContentLoaded", startQuizzes);
else startQuizzes();
