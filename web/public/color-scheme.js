// Sets the colour scheme before the first paint; a file of its own because the content policy allows no inline script.
(function () {
  var stored = null;
  try {
    stored = window.localStorage.getItem('norma-color-scheme');
  } catch {
    stored = null;
  }
  var prefersDark = window.matchMedia('(prefers-color-scheme: dark)').matches;
  var viewer = /^\/studies\//.test(window.location.pathname);
  var dark = viewer || stored === 'dark' || (stored !== 'light' && prefersDark);
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
})();
