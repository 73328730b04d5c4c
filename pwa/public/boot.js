/* Runs before the first paint, so that nobody in a dark car is met by a white page: puts the kept theme and
   language on <html>. A file of its own because the pages allow no inline script. Keys: src/ui/theme.ts,
   src/words/language.ts. */
(() => {
  var root = document.documentElement;
  var theme = null;
  var language = null;
  try {
    theme = localStorage.getItem("ortoo.theme");
    language = localStorage.getItem("ortoo.language");
  } catch (_refused) {
    /* storage is off: the defaults stand */
  }
  if (theme !== "day" && theme !== "night") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "night" : "day";
  }
  root.dataset.theme = theme;
  if (language === "en") root.lang = "en";
})();
