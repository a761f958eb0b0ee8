// Not a module: the colours are chosen before anything is painted.
document.documentElement.dataset.theme = localStorage.getItem("botserver.theme") ?? "system";
