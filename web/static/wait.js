// Keeps the page of a login under way fresh: a new QR code each second, and what the person shall do. Only what has
// changed is put into the page, so that a screen reader speaks when there is something new and focus stays where it is.
"use strict";

const wait = document.getElementById("wait");

async function look() {
	let pause = 1000;
	try {
		const answer = await fetch(wait.dataset.part);
		if (!answer.ok) {
			location.reload(); // the page says what is wrong
			return;
		}
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");
		const fresh = page.getElementById("wait");
		if (fresh.dataset.to) {
			location.replace(fresh.dataset.to);
			return;
		}
		for (const id of ["say", "code", "ways"]) {
			const now = document.getElementById(id), then = page.getElementById(id);
			if (now.innerHTML !== then.innerHTML) {
				now.replaceChildren(...then.childNodes);
			}
			now.className = then.className;
		}
		if (!("pending" in fresh.dataset)) {
			return;
		}
	} catch {
		pause = 3000; // no network for a moment, as when a telephone changes to the app and back
	}
	setTimeout(look, pause);
}

setTimeout(look, 1000);
