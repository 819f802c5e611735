// Keys of the desk: "/" goes to the search, "?" shows the keys. Everything works without this file.
(() => {
  document.querySelector(".bar nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  const typing = (at) => at instanceof Element && at.closest("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.composedPath()[0])) return;
    const help = document.getElementById("help");
    if (event.key === "?" && help && !help.open) {
      help.showModal();
      event.preventDefault();
    } else if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) search.focus();
      else location.assign("/desk/leads");
      event.preventDefault();
    }
  });
})();
