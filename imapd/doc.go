// Package imapd lets staff read, file and answer secure messages in the mail client they have: an IMAP4rev1 server
// (RFC 3501) over the vault.
//
// Each account sees INBOX, Sent, Drafts, Trash and Archive, its own folders, and under "Shared/" every function address
// it belongs to: "Shared/omsorg@kommun.example" is its inbox, "Shared/omsorg@kommun.example/Sent" what was sent from it,
// and what else its members have made lies beside Sent. Function addresses come and go with membership; a client makes,
// renames and removes folders only.
//
// What is promised: passwords travel over TLS only. Every octet of a message is served from where it lies in the vault, by
// the [message.Index] made when it came in: nothing is parsed again, memory does not grow with the message, and no vault
// transaction is open while a client is written to. A message that cannot be read gives a NO with an incident id, or, if
// its size was already promised, a closed connection; never wrong octets. Deliveries reach IDLE at once. Sequence numbers
// change only when the client is told.
//
// In Sent, and wherever a sender files a message, keywords tell what has become of it: "$SigillOpened" and the like, which
// only the vault sets. A message with an attachment that may be malware has "$SigillSuspect", and is given as a few lines with
// a link to the web, where the rest of it is read.
//
// What is not promised: IMAP4rev2, CONDSTORE, SORT, QUOTA. What is not served is not offered in CAPABILITY and is answered NO.
//
// The library does the grammar of commands. What it lacks is met around it: conn.go, output.go and guard.go for deadlines,
// records of TLS and literals, limit.go for connections, view.go for sequence numbers, and this package's own FETCH
// responses, sections and matching.
package imapd
