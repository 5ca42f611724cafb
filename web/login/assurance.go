package login

// Levels of assurance of the Swedish registry (Registry for Identifiers, section 3.1.1). Each is the value of acr in
// OpenID Connect and of AuthnContextClassRef in SAML.
const (
	LOA3 = "http://id.elegnamnden.se/loa/1.0/loa3"
	LOA4 = "http://id.elegnamnden.se/loa/1.0/loa4"
	// UncertifiedLOA3 is what a provider sends that nobody has reviewed, also when it passes on an e-ID which is approved
	// for level 3, such as BankID. It is never accepted unless the configuration says so.
	UncertifiedLOA3 = "http://id.swedenconnect.se/loa/1.0/uncertified-loa3"
)

// DefaultAssurance is what is accepted unless the configuration says otherwise.
func DefaultAssurance() []string { return []string{LOA3, LOA4} }
