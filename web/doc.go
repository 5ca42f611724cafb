// Package web is the pages: the reader for persons, the mailboxes and holds for staff.
//
// It works without scripts, but for passkeys, which browsers give to scripts alone. The others show what would else have to
// be waited for or told beforehand: the QR code of a login, the progress of an upload, the end of a session.
//
// It keeps no message in a file or a log, and asks the vault anew at each request: a session knows who somebody is, never
// what they may open. Authorisation is the vault's ([vault.Reader]); what is not for the principal and what does not exist
// give the same page, byte for byte.
//
// Requests that change something are POST, held to our own pages by [http.CrossOriginProtection]. That lets a request
// through that has neither Sec-Fetch-Site nor Origin, since no browser of today sends such a one; and none that another
// site makes carries the session, whose cookie is SameSite=Lax.
//
// A mail is hostile. Its HTML is shown through web/clean in a sandboxed frame with a policy of its own, its
// attachments are downloads of safe types, and nothing in it is fetched from elsewhere.
//
// The package does not terminate other protocols, know configuration files, or send mail.
package web
