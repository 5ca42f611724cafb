// Package saml logs persons in at a SAML 2.0 identity provider, by the deployment rules of the Swedish eID framework
// (Sweden Connect): signed requests that ask for exact levels of assurance, signed responses, encrypted assertions, and
// metadata that is signed and read anew.
//
// crewjam/saml gives the types, the decryption and the requests, goxmldsig the signatures. What is made of a response is
// decided here, since a signature proves nothing of what it does not cover: the signature must be the response's own, and
// from then on only the octets it was found to cover are read. Everything a response says must be an answer to the one
// request of the session that finishes it.
//
// Single logout is not offered: the profile leaves it out, since front-channel logout by redirect through every service is
// not reliable. ForceAuthn makes each login one with the e-ID itself.
package saml
