// Package outbox sends the notices the vault has queued: mails without content that say a secure message waits.
//
// It promises that every job ends as sent, failed or put off, that a notice tells nothing of the message but the
// municipality it is from, and that a notice is signed with every DKIM key it was given. A restart loses no job: what was
// sent but not yet recorded is sent again under the same Message-ID. A notice the upstream relay took counts as sent;
// that it comes back later is not seen here.
//
// What policy decided to deliver to a partner organisation goes out by the same queue: the message itself, signed, by a
// connection that Config.Partners answers for. Its octets are in memory only while they are handed over.
//
// The texts are in notices/, one file for each kind, Swedish and English.
package outbox
