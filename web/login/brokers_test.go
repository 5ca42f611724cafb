package login_test

import (
	"errors"
	"testing"

	"sigill/policy"
	"sigill/web/login"
)

// TestBrokers: what each of the brokers tells of a person, and the mapping that reads it. For each a person who must not
// come in.
func TestBrokers(t *testing.T) {
	t.Parallel()
	const freja = "https://frejaeid.com/oidc/claims/"
	ssn := func(country, level string) map[string]any {
		return map[string]any{"acr": nil, "details": map[string]any{"registrationLevel": level, "requestedAttributes": map[string]any{
			"ssn": map[string]any{"ssn": "19900101-9802", "country": country},
		}}}
	}
	rows := []struct {
		name     string
		mapping  func(c *login.OIDCConfig)
		userinfo bool
		good     map[string]any
		bad      map[string]any
		why      string
		want     error
	}{
		{"the Swedish profile", func(c *login.OIDCConfig) {
			c.Claims, c.FormerClaims = [][]string{{claimPersonnummer}, {claimSamordning}}, [][]string{{claimFormer}}
		}, true, map[string]any{claimPersonnummer: number, claimFormer: "189001019802"},
			map[string]any{"https://id.oidc.se/claim/orgNumber": "2120000142"}, "an organisation is no person", login.ErrNoNumber},
		{"Freja", func(c *login.OIDCConfig) {
			c.Claims, c.AcceptedACR = [][]string{{freja + "personalIdentityNumber"}}, []string{}
			c.Require = []login.Requirement{
				{Claim: []string{freja + "country"}, Allowed: []string{"SE"}}, {Claim: []string{freja + "registrationLevel"}, Allowed: []string{"PLUS"}},
			}
		}, false, map[string]any{"acr": nil, freja + "personalIdentityNumber": number, freja + "country": "SE", freja + "registrationLevel": "PLUS"},
			map[string]any{"acr": nil, freja + "personalIdentityNumber": number, freja + "country": "SE", freja + "registrationLevel": "EXTENDED"},
			"PLUS alone is level 3", login.ErrAssurance},
		{"Signicat", func(c *login.OIDCConfig) {
			c.Claims, c.AcceptedACR, c.AskedACR = [][]string{{"nin"}}, []string{}, []string{"idp:sbid"}
			c.Require = []login.Requirement{
				{Claim: []string{"nin_issuing_country"}, Allowed: []string{"SE"}}, {Claim: []string{"nin_type"}, Allowed: []string{"PERSON"}},
				{Claim: []string{"idp"}, Allowed: []string{"sbid"}},
			}
		}, true, map[string]any{"nin": number, "nin_issuing_country": "SE", "nin_type": "PERSON", "idp": "sbid"},
			map[string]any{"nin": number, "nin_issuing_country": "NO", "nin_type": "PERSON", "idp": "sbid"}, "not a Swedish number", login.ErrAssurance},
		{"Idura with BankID", func(c *login.OIDCConfig) {
			c.Claims, c.AcceptedACR, c.AskedACR = [][]string{{"ssn"}}, []string{}, []string{"urn:grn:authn:se:bankid"}
			c.Require = []login.Requirement{{Claim: []string{"country"}, Allowed: []string{"SE"}}, {Claim: []string{"identityscheme"}, Allowed: []string{"sebankid"}}}
		}, false, map[string]any{"ssn": number, "country": "SE", "identityscheme": "sebankid"},
			map[string]any{"ssn": number, "country": "SE", "identityscheme": "sefrejaid"}, "another e-ID than this button's", login.ErrAssurance},
		{"Idura with Freja", func(c *login.OIDCConfig) {
			at := []string{"details", "requestedAttributes", "ssn"}
			c.Claims, c.AcceptedACR = [][]string{append(at[:3:3], "ssn")}, []string{}
			c.Require = []login.Requirement{
				{Claim: append(at[:3:3], "country"), Allowed: []string{"SE"}}, {Claim: []string{"details", "registrationLevel"}, Allowed: []string{"PLUS"}},
			}
			c.Params = map[string]string{"login_hint": "minregistrationlevel:plus"}
		}, false, ssn("SE", "PLUS"), ssn("DK", "PLUS"), "not a Swedish number", login.ErrAssurance},
		{"a broker nobody has reviewed", func(c *login.OIDCConfig) { c.AcceptedACR = []string{login.UncertifiedLOA3} }, false,
			map[string]any{"acr": login.UncertifiedLOA3}, map[string]any{"acr": "http://id.swedenconnect.se/loa/1.0/uncertified-loa2"},
			"level 2", login.ErrAssurance},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			try := func(said map[string]any) (login.Identity, error) {
				o := newOP(t)
				change := row.mapping
				if row.userinfo {
					o.claims = map[string]any{"pnr": nil}
					o.userinfo = map[string]any{"sub": "opaque"}
					for name, value := range said {
						o.userinfo[name] = value
					}
					change = func(c *login.OIDCConfig) { row.mapping(c); c.Source = login.UserInfo }
				} else {
					o.claims = said
				}
				p := provider(t, o, change)
				begun, err := p.Start(t.Context(), visit)
				if err != nil {
					t.Fatal(err)
				}
				return p.Finish(t.Context(), o.authorize(begun.URL), begun.Memory)
			}
			if who, err := try(row.good); err != nil || who.Person != policy.MustPersonID(number) {
				t.Errorf("%v, %v", who, err)
			}
			if _, err := try(row.bad); !errors.Is(err, row.want) {
				t.Errorf("%s: %v", row.why, err)
			}
		})
	}
}
