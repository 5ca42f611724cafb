// Has an authenticator make or use a passkey (WebAuthn level 3). The form is the page's own, and hidden without this script:
// its field "answer" is filled in and it is sent as any other. What is asked of the authenticator stands in the form, as
// JSON whose octets are base64url.
"use strict";
{
	const form = document.querySelector("form[data-passkey]");
	const told = document.getElementById("passkey-told");

	function octets(text) {
		return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0));
	}

	function base64url(buffer) {
		const text = Array.from(new Uint8Array(buffer), b => String.fromCharCode(b)).join("");
		return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
	}

	function asked() {
		const options = JSON.parse(form.dataset.passkey);
		options.challenge = octets(options.challenge);
		if (options.user) {
			options.user.id = octets(options.user.id);
		}
		for (const one of [...options.excludeCredentials || [], ...options.allowCredentials || []]) {
			one.id = octets(one.id);
		}
		return options;
	}

	function answered(credential) {
		const response = {};
		for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
			if (credential.response[name]) {
				response[name] = base64url(credential.response[name]);
			}
		}
		return JSON.stringify({id: credential.id, rawId: base64url(credential.rawId), type: credential.type, response, clientExtensionResults: {}});
	}

	async function speak(e) {
		e.preventDefault();
		const button = form.querySelector("button");
		button.disabled = told.hidden = true;
		try {
			const publicKey = asked();
			const credential = publicKey.user ? await navigator.credentials.create({publicKey}) : await navigator.credentials.get({publicKey});
			form.elements.answer.value = answered(credential);
			form.submit();
		} catch (error) { // the person said no, waited too long, or the authenticator knows the account already
			told.textContent = error.name === "InvalidStateError" ? told.dataset.known : told.dataset.failed;
			told.hidden = button.disabled = false;
			button.focus();
		}
	}

	if (form && window.PublicKeyCredential) {
		form.hidden = false;
		document.getElementById("passkey-without").hidden = true;
		form.addEventListener("submit", speak);
	}
}
