// Tells two minutes before the login ends that it will, and keeps it on if that is wanted (WCAG 2.2, 2.2.1). Somebody who is
// away is logged out as ever: nothing here asks the server by itself, but to keep a text that would be lost.
"use strict";
{
	const box = document.getElementById("time");
	const most = Number(box.dataset.left);
	const others = "BroadcastChannel" in window ? new BroadcastChannel("time") : null;
	let ends, warned;

	function lasts(seconds) {
		ends = Date.now() + 1000 * seconds;
		warned = false;
		close(box);
	}

	function open(dialog) {
		if (dialog.showModal) {
			dialog.showModal();
		} else { // an old browser: it stands at the end of the page
			dialog.setAttribute("open", "");
			dialog.querySelector("button, a").focus();
		}
	}

	function close(dialog) {
		if (dialog.open && dialog.close) {
			dialog.close();
		} else {
			dialog.removeAttribute("open");
		}
	}

	async function stay() {
		try {
			const answer = await fetch("/logins/extend", {method: "POST"});
			const seconds = Number(await answer.text());
			if (!(seconds > 0)) { // a page: somebody has ended the login
				return over();
			}
			lasts(seconds);
			if (others) {
				others.postMessage(seconds);
			}
			if (seconds < most - 1) { // it ends for good
				open(document.getElementById("time-last"));
			}
		} catch {
			close(box); // no network for a moment: the next look tells again
			warned = false;
		}
	}

	// over: what was written is kept, without the login that has ended; then the page goes, since others may see it.
	async function over() {
		ends = Infinity;
		close(box);
		const form = document.querySelector("form[data-keep]");
		const text = document.querySelector("main textarea:not([readonly])");
		if (text && text.value.trim()) {
			let kept = false;
			if (form) {
				try {
					const body = new URLSearchParams({form: form.elements.form.value, text: text.value});
					kept = (await fetch(form.dataset.keep, {method: "POST", body, credentials: "omit"})).ok;
				} catch {
					// told below
				}
			}
			if (!kept) {
				document.getElementById("time-again").href = box.dataset.out;
				return open(document.getElementById("time-over"));
			}
		}
		location.replace(box.dataset.out);
	}

	lasts(most);
	document.getElementById("time-stay").addEventListener("click", stay);
	if (others) {
		others.addEventListener("message", e => lasts(e.data));
		others.postMessage(most);
	}
	// By the clock and not by a timer of minutes: a computer that slept has missed no time.
	setInterval(() => {
		const left = (ends - Date.now()) / 1000;
		if (left <= 0) {
			over();
		} else if (left <= Math.min(120, most / 2) && !warned) {
			warned = true;
			open(box);
		}
	}, 500);
}
