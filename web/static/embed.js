// A form in a frame of the company's page tells that page how high it is, so that nothing in it has to be scrolled.
(() => {
  if (parent === self) return;
  let told = 0;
  const tell = () => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    if (height !== told) parent.postMessage({ coldframe: (told = height) }, "*");
  };
  new ResizeObserver(tell).observe(document.body);
  tell();
})();
