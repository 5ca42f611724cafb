package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"sigill/smtpd"
)

// Listen says which ports are open. An address is "host:port" or ":port", "systemd:NAME" for a socket of systemd's with
// that FileDescriptorName=, or "" for none.
type Listen struct {
	Submission  string      `toml:"submission"`
	Submissions string      `toml:"submissions"`
	IMAP        string      `toml:"imap"`
	Web         string      `toml:"web"`
	Connector   []Connector `toml:"connector"`
	// Proxies are load balancers that tell the client's address by the PROXY protocol, on every port.
	Proxies []netip.Prefix `toml:"proxies"`
	// IMAPNetworks are those mail programs may read from, all if empty; those in IMAPStubs get links in place of messages.
	IMAPNetworks []netip.Prefix `toml:"imap_networks"`
	IMAPStubs    []netip.Prefix `toml:"imap_stubs"`
}

// Connector is a port for the organisation's own mail system.
type Connector struct {
	Address  string         `toml:"address"`
	Networks []netip.Prefix `toml:"networks"`
	// Unprotected lets the clients of these networks send without TLS.
	Unprotected bool `toml:"unprotected"`
	Signed      bool `toml:"signed"`
	// The clients' certificates: the authority they must lead to, and the names they must be for one of.
	ClientCA    File     `toml:"client_ca"`
	ClientNames []string `toml:"client_names"`
	Secure      bool     `toml:"secure"`
}

func defaultListen() Listen {
	return Listen{
		Submission: ":587", Submissions: ":465", IMAP: ":993", Web: ":443", Proxies: []netip.Prefix{},
		IMAPNetworks: []netip.Prefix{}, IMAPStubs: []netip.Prefix{},
	}
}

// Inherited is what leads the name of a socket that systemd has opened.
const Inherited = "systemd:"

func (l Listen) check(f faults, _ *Config) {
	used := map[string]string{}
	one := func(key, address string) {
		f.need(key, address == "" || isAddress(address), "%q must be \":port\", \"host:port\", \"systemd:NAME\", or \"\" for none", address)
		if other, twice := used[address]; twice && address != "" && !strings.HasSuffix(address, ":0") {
			f.need(key, false, "%q is the address of %s already", address, other)
		}
		used[address] = key
	}
	one("submission", l.Submission)
	one("submissions", l.Submissions)
	one("imap", l.IMAP)
	one("web", l.Web)
	f.need("web", l.Web != "", "must be open: without it nobody can read what is sealed")
	f.need("", l.Submission != "" || l.Submissions != "" || len(l.Connector) > 0,
		"no way for mail to come in: set submission or submissions, or add a [[listen.connector]]")
	for _, n := range l.Proxies {
		f.need("proxies", n.Bits() != 0, "%s would let anybody claim any address: list the load balancers' own", n)
	}
	for i, c := range l.Connector {
		key := fmt.Sprintf("connector[%d]", i+1)
		one(key+".address", c.Address)
		f.need(key+".address", c.Address != "", "must be an address such as \":25\"")
		f.need(key+".networks", len(c.Networks) > 0 || c.ClientCA != "", "must list the networks of the mail system, such as [\"10.1.0.0/16\"]: whoever is in them can send without a password; or set client_ca")
		c.checkClients(f.in(key))
		for _, n := range c.Networks {
			f.need(key+".networks", n.Bits() != 0, "%s would let the whole world send without a password: list the mail system's own networks", n)
		}
	}
}

// setDefaults is what an entry need not say.
func (c *Connector) setDefaults() { c.Networks, c.ClientNames = []netip.Prefix{}, []string{} }

func (c Connector) checkClients(f faults) {
	_, err := c.System()
	f.fits("client_ca", err)
	f.need("client_names", c.ClientCA == "" || len(c.ClientNames) > 0, "must list the names that the mail system's certificate is for, such as [\"mail.example.se\"]")
	f.need("client_ca", c.ClientCA != "" || len(c.ClientNames) == 0, "must be set beside client_names")
	f.need("unprotected", !c.Unprotected || len(c.Networks) > 0, "is about clients known by network: set networks")
	f.need("signed", !c.Signed || len(c.Networks) > 0, "is about clients known by network: set networks")
}

// System is who may come by certificate.
func (c Connector) System() (smtpd.System, error) {
	pool, err := c.ClientCA.ReadAuthorities()
	return smtpd.System{Authority: pool, Names: c.ClientNames}, err
}

func isAddress(s string) bool {
	if name, ok := strings.CutPrefix(s, Inherited); ok {
		return name != ""
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.ContainsAny(host, " /") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}
