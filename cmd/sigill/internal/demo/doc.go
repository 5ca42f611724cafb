// Package demo plays everything around the gateway that a municipality has and a laptop has not: the outside world that
// takes mail ([Sink]), a recipient's mailbox with the notices in it ([Mailbox]), the e-ID ([EID], a real OpenID provider)
// and a certificate authority ([Certificates]).
//
// It belongs to the demo and to the tests. Nothing in the product imports it, it listens on loopback only, and it proves
// nobody's identity: whoever writes a test number is that person.
package demo
