package saml

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	"github.com/crewjam/saml"

	"sigill/policy"
	"sigill/web/login"
)

// Status codes (Core section 3.2.2.2, and those of the Swedish framework).
const (
	success        = "urn:oasis:names:tc:SAML:2.0:status:Success"
	noAuthnContext = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"
	authnFailed    = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"
	swedishStatus  = "http://id.elegnamnden.se/status/1.0/" // cancel, fraud, possibleFraud
	bearer         = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
)

// checkResponse holds a response against the request it must answer.
func (p *Provider) checkResponse(r *etree.Element, m memory) error {
	made, err := time.Parse(time.RFC3339Nano, r.SelectAttrValue("IssueInstant", ""))
	now := p.config.Now()
	wrong := ""
	switch {
	case r.SelectAttrValue("Version", "") != "2.0":
		wrong = "version"
	case r.SelectAttrValue("Destination", "") != m.Callback:
		wrong = "destination"
	case r.SelectAttrValue("InResponseTo", "") != m.Request:
		wrong = "request"
	case err != nil || made.Before(now.Add(-issued)) || made.Before(m.At.Add(-skew)) || made.After(now.Add(skew)):
		wrong = "time"
	case !p.issuer(r):
		wrong = "issuer"
	}
	if wrong != "" {
		return fault(login.ErrToken, errors.New("the response has the wrong "+wrong))
	}
	return status(r)
}

func (p *Provider) issuer(r *etree.Element) bool {
	found := children(r, nsAssertion, "Issuer")
	return len(found) == 1 && found[0].Text() == p.config.Provider
}

// status says why there is no assertion.
func status(r *etree.Element) error {
	var codes []string
	for _, s := range children(r, nsProtocol, "Status") {
		for _, code := range s.FindElements(".//StatusCode") {
			codes = append(codes, code.SelectAttrValue("Value", ""))
		}
	}
	switch {
	case len(codes) > 0 && codes[0] == success:
		return nil
	case slices.Contains(codes, noAuthnContext):
		return login.ErrAssurance
	case slices.Contains(codes, authnFailed), slices.ContainsFunc(codes, func(c string) bool { return strings.HasPrefix(c, swedishStatus) }):
		return login.ErrCancelled
	}
	return fault(login.ErrToken, errors.New("the provider answered with an error of its own"))
}

// checkAssertion holds an assertion against the request, the clock and us (Profiles section 4.1.4.3, Deployment Profile
// section 6.3).
func (p *Provider) checkAssertion(a *saml.Assertion, m memory) error {
	now := p.config.Now()
	wrong := ""
	switch {
	case a.ID == "" || a.Version != "2.0":
		wrong = "form"
	case a.Issuer.Value != p.config.Provider:
		wrong = "issuer"
	case a.Subject == nil || !p.confirmed(a.Subject.SubjectConfirmations, m, now):
		wrong = "subject"
	case a.Conditions == nil || !inside(now, a.Conditions.NotBefore, a.Conditions.NotOnOrAfter):
		wrong = "time"
	case !p.audience(a.Conditions.AudienceRestrictions):
		wrong = "audience"
	case len(a.AuthnStatements) != 1 || len(a.AttributeStatements) != 1:
		wrong = "number of statements"
	case a.AuthnStatements[0].AuthnInstant.Before(m.At.Add(-skew)) || a.AuthnStatements[0].AuthnInstant.After(now.Add(skew)):
		wrong = "time of login" // ForceAuthn: it must be later than the request
	}
	if wrong != "" {
		return fault(login.ErrToken, errors.New("the assertion has the wrong "+wrong))
	}
	if !slices.Contains(p.config.Accepted, level(a)) {
		return login.ErrAssurance
	}
	return nil
}

func inside(now, from, to time.Time) bool {
	return !now.Add(skew).Before(from) && now.Add(-skew).Before(to)
}

// confirmed tells that whoever brings the assertion may: there is one confirmation, and it is for our address, our
// request and now.
func (p *Provider) confirmed(all []saml.SubjectConfirmation, m memory, now time.Time) bool {
	if len(all) != 1 || all[0].Method != bearer || all[0].SubjectConfirmationData == nil {
		return false
	}
	d := all[0].SubjectConfirmationData
	return d.Recipient == m.Callback && d.InResponseTo == m.Request && d.NotBefore.IsZero() && inside(now, time.Time{}, d.NotOnOrAfter)
}

// audience tells that every restriction has us in it, and that there is one.
func (p *Provider) audience(all []saml.AudienceRestriction) bool {
	return len(all) > 0 && !slices.ContainsFunc(all, func(r saml.AudienceRestriction) bool { return r.Audience.Value != p.config.EntityID })
}

func level(a *saml.Assertion) string {
	if c := a.AuthnStatements[0].AuthnContext.AuthnContextClassRef; c != nil {
		return c.Value
	}
	return ""
}

// identity reads the attributes.
func (p *Provider) identity(a *saml.Assertion) (login.Identity, error) {
	persons, err := numbers(a, p.config.Attributes)
	if err != nil {
		return login.Identity{}, err
	}
	if len(persons) == 0 {
		return login.Identity{}, login.ErrNoNumber
	}
	former, err := numbers(a, p.config.FormerAttributes)
	if err != nil {
		return login.Identity{}, err
	}
	who := login.Identity{Person: persons[0], Name: nameIn(a), Assurance: level(a)}
	for _, f := range former {
		if f != who.Person {
			who.Former = append(who.Former, f)
		}
	}
	return who, nil
}

// Names of attributes with a person's name (Sweden Connect, Attribute Specification section 3.1).
const (
	displayName = "urn:oid:2.16.840.1.113730.3.1.241"
	givenName   = "urn:oid:2.5.4.42"
	surname     = "urn:oid:2.5.4.4"
)

func nameIn(a *saml.Assertion) string {
	told := map[string]string{}
	for _, attribute := range a.AttributeStatements[0].Attributes {
		if len(attribute.Values) == 1 {
			told[attribute.Name] = attribute.Values[0].Value
		}
	}
	if name := login.NameOf(told[displayName]); name != "" {
		return name
	}
	return login.NameOf(told[givenName], told[surname])
}

// numbers are the identity numbers of attributes, by their names and never by their friendly ones.
func numbers(a *saml.Assertion, names []string) (out []policy.PersonID, err error) {
	for _, name := range names {
		for _, attribute := range a.AttributeStatements[0].Attributes {
			if attribute.Name != name {
				continue
			}
			if len(attribute.Values) != 1 {
				return nil, fault(login.ErrToken, errors.New("an attribute with a number must have one value"))
			}
			person, err := policy.ParsePersonID(attribute.Values[0].Value)
			if err != nil {
				return nil, errors.Join(login.ErrBadNumber, err)
			}
			out = append(out, person)
		}
	}
	return out, nil
}
