package config

import (
	"crypto/tls"
	"fmt"

	"sigill/smtpd/relay"
)

// Upstream is the relay that takes mail without a tag, and notices; those in Standby are spoken to in the same way.
type Upstream struct {
	Address      string   `toml:"address"`
	Standby      []string `toml:"standby"`
	Security     string   `toml:"security"`
	CA           File     `toml:"ca"`
	Username     string   `toml:"username"`
	PasswordFile File     `toml:"password_file"`
}

func defaultUpstream() Upstream {
	return Upstream{Standby: []string{}, Security: string(relay.StartTLS)}
}

func (u Upstream) check(f faults, whole *Config) {
	f.need("address", u.Address != "" && isAddress(u.Address), "must be the relay's host and port, such as \"smtp.example.se:25\"")
	for _, standby := range u.Standby {
		f.need("standby", isAddress(standby), "must be hosts and ports of relays, not %q", standby)
	}
	_, err := u.CA.ReadAuthorities()
	f.fits("ca", err)
	f.need("username", u.Username != "" || u.PasswordFile == "", "must be set beside password_file")
	f.need("password_file", u.Username == "" || u.PasswordFile != "", "must be set beside username")
	if u.PasswordFile != "" {
		_, err := u.PasswordFile.ReadSecret()
		f.fits("password_file", err)
	}
	for _, address := range u.addresses() {
		if isAddress(address) {
			up := relay.Upstream{Addr: address, Security: relay.Security(u.Security)}
			if u.Username != "" {
				up.Auth = &relay.Credentials{}
			}
			_, err := relay.New(relay.Config{Upstreams: []relay.Upstream{up}, Hello: "check"})
			f.fits("security", err)
		}
	}
}

func (u Upstream) addresses() []string { return append([]string{u.Address}, u.Standby...) }

// Relay gives the section as the relay takes it; hello is our name.
func (u Upstream) Relay(hello string) (relay.Config, error) {
	pool, err := u.CA.ReadAuthorities()
	if err != nil {
		return relay.Config{}, fmt.Errorf("upstream.ca: %w", err)
	}
	var login *relay.Credentials
	if u.Username != "" {
		password, err := u.PasswordFile.ReadSecret()
		if err != nil {
			return relay.Config{}, fmt.Errorf("upstream.password_file: %w", err)
		}
		login = &relay.Credentials{Username: u.Username, Password: string(password)}
	}
	c := relay.Config{Hello: hello}
	for _, address := range u.addresses() {
		c.Upstreams = append(c.Upstreams, relay.Upstream{
			Addr: address, Security: relay.Security(u.Security), TLS: &tls.Config{RootCAs: pool}, Auth: login,
		})
	}
	return c, nil
}
