// Package partner hands sealed messages to partner organisations: other authorities, say, that the municipality has agreed
// with, and whose mail servers it names in its configuration.
//
// It promises that no octet of a message, and not even its envelope, is sent before the server has shown by TLS 1.2 or
// better a certificate of a trusted authority for the name that it must have; that what proved it, the evidence, is of the
// very connection the message went by; and that a partner whose server cannot prove itself gets nothing.
//
// Which names are right is configured, or published by the partner as an MTA-STS policy (RFC 8461), which then must be in
// force: here it is no improvement on what anybody would do, as the RFC has it, but a condition.
//
// DANE (RFC 7672) is not offered. It rests on DNSSEC, and the resolver of Go's library does not tell whether an answer was
// validated.
package partner
