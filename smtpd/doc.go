// Package smtpd takes mail in by SMTP and conducts it: facts, decision, then the vault or the upstream relay.
//
// It promises that one decision is made for each mail and all its recipients; that mail which is not secure reaches the
// upstream in the same transaction, octet for octet, with one Received field on top, and that the upstream's answer is
// the client's; that 250 for a secure mail is said after the vault's commit; and that a mail which asked to be secure,
// or whose header cannot be read, is never passed on in clear, whatever fails.
//
// It cannot read what is sealed: it holds a depositor and a directory. It keeps no queue and nothing on disk. What a
// session ends with becomes an SMTP reply in reply.go and nowhere else.
//
// The SMTP dialogue is go-smtp's. Its traps are met by the connection under it (conn.go, ahead.go) and by the reader
// of message data (intake.go); the reasons stand there.
package smtpd
