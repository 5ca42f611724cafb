package config

import (
	"fmt"

	"sigill/web"
	"sigill/web/login"
)

// StaffLogin is a provider of the organisation's own, such as Entra ID, AD FS or Keycloak, where staff log in for the web.
// Its claims lead to the mail address, and those it requires may be lists.
type StaffLogin struct{ OIDC }

func (s Staff) checkLogins(f faults, domains []string) {
	f.need("web_passwords", s.WebPasswords || len(s.Login) > 0, "must be true where there is no staff.login: nobody could log in")
	seen := map[string]bool{}
	for i, l := range s.Login {
		in := f.in(fmt.Sprintf("login[%d]", i+1))
		in.need("id", !seen[l.ID], "%q is another provider's already: each needs its own", l.ID)
		seen[l.ID] = true
		l.checkAs(in, func(c login.OIDCConfig) error {
			_, err := login.NewStaffOIDC(c, domains)
			return err
		})
	}
}

// StaffLogin makes the ways for staff into the web. It does not reach for the network.
func (c *Config) StaffLogin() (out web.StaffLogin, err error) {
	out.NoPasswords, out.SecondFactor = !c.Staff.WebPasswords, c.Staff.SecondFactor
	for _, l := range c.Staff.Login {
		given, err := l.oidc()
		if err != nil {
			return out, fmt.Errorf("staff.%w", err)
		}
		p, err := login.NewStaffOIDC(given, c.Domains)
		if err != nil {
			return out, err
		}
		out.Providers = append(out.Providers, p)
	}
	return out, nil
}
