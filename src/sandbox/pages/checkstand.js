// What stands behind the # never reaches a server by itself, so this script posts it.
"use strict";
if (location.hash.length > 1) {
  document.getElementById("fragment").value = location.hash;
  document.getElementById("open").submit();
} else {
  const told = document.getElementById("told");
  told.textContent = told.dataset.none;
}
