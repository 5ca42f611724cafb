// Package policy holds the nouns of a mail's way and the decision about it.
//
// [Decide] is arithmetic: facts and rules in, a [Decision] with the name of the rule out. It reads no file, asks no
// database, logs nothing and has no clock; whoever calls it has gathered the [Facts] before. Its table test is the
// specification.
//
// The nouns are parsed once, at the door, and travel as values: [Address] (RFC 5321), [PersonID] (personnummer and
// samordningsnummer as the Swedish Tax Agency describes them in SKV 704 and SKV 707).
package policy
