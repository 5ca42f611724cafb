// Package partner hands sealed messages to partner organisations: other authorities, say, that the municipality has agreed
// with, and whose mail servers it names in its configuration.
//
// It promises that no octet of a message, and not even its envelope, is sent before the server has shown by TLS 1.2 or
// better a certificate that proves it to be the right one; that what proved it, the evidence, is of the very connection the
// message went by; and that a partner whose server cannot prove itself gets nothing.
//
// Proof is a certificate of a trusted authority for the right name. Which names are right is configured, or published by
// the partner as an MTA-STS policy (RFC 8461). Or proof is that the certificate fits the partner's TLSA records (DANE, RFC
// 7672), which DNSSEC vouches for. Policy and records must be in force: here they are no improvement on what anybody would
// do, as the RFCs have it, but a condition.
//
// DNSSEC is validated by a resolver that the operator trusts, and not by us: Go's own does not tell whether an answer was
// validated, and to validate is a program of its own. Without such a resolver there is no DANE.
package partner
