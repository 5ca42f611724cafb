// Shows how far an upload has come. The form is the page's own and is sent as ever without this script; what comes back is
// the same page.
"use strict";
{
	function ready() {
		const form = document.querySelector("form[data-upload]");
		if (form) {
			form.addEventListener("submit", e => send(e, form));
		}
	}

	function send(e, form) {
		const files = form.querySelector("input[type=file]");
		// Only the button that sends, and only where there is something to wait for.
		if (!files.files.length || !e.submitter || e.submitter.name || e.submitter.hasAttribute("formaction")) {
			return;
		}
		e.preventDefault();
		const box = document.getElementById("progress"), bar = document.getElementById("bar"), told = document.getElementById("told");
		const request = new XMLHttpRequest();
		let said = -1;

		function say(text) {
			told.textContent = text;
		}

		function end(text) {
			e.submitter.disabled = false;
			bar.hidden = document.getElementById("stop").hidden = true;
			say(text);
		}

		request.upload.addEventListener("progress", p => {
			const percent = p.lengthComputable ? Math.floor(100 * p.loaded / p.total) : 0;
			bar.value = percent;
			if (percent >= 100) {
				say(box.dataset.wait);
			} else if (percent >= said + 10) { // a screen reader that hears each octet hears nothing else
				said = percent;
				say(box.dataset.sent.replace("{n}", percent));
			}
		});
		request.addEventListener("error", () => end(box.dataset.failed));
		request.addEventListener("abort", () => { box.hidden = true; end(""); });
		request.addEventListener("load", () => show(request, form));
		request.open("POST", form.action);
		request.send(new FormData(form));
		e.submitter.disabled = true;
		box.hidden = bar.hidden = document.getElementById("stop").hidden = false;
		document.getElementById("stop").onclick = () => request.abort();
		say(box.dataset.sent.replace("{n}", 0));
	}

	// show goes where the answer leads, or puts the page with faults in place of this one. What stands around it changes, too,
	// if the login has ended.
	function show(request, form) {
		if (request.responseURL && request.responseURL !== form.action) {
			return location.assign(request.responseURL);
		}
		const page = new DOMParser().parseFromString(request.responseText, "text/html");
		document.title = page.title;
		for (const part of ["header", "main", "footer"]) {
			document.querySelector("body > " + part).replaceWith(page.querySelector("body > " + part));
		}
		document.querySelector("main").focus();
		scrollTo(0, 0);
		ready();
	}

	ready();
}
