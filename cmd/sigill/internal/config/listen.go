package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Listen says which ports are open. An address is "host:port" or ":port", "systemd:NAME" for a socket of systemd's with
// that FileDescriptorName=, or "" for none.
type Listen struct {
	Submission  string      `toml:"submission"`
	Submissions string      `toml:"submissions"`
	IMAP        string      `toml:"imap"`
	Web         string      `toml:"web"`
	Connector   []Connector `toml:"connector"`
}

// Connector is a port for the organisation's own mail system.
type Connector struct {
	Address  string         `toml:"address"`
	Networks []netip.Prefix `toml:"networks"`
	Secure   bool           `toml:"secure"`
}

func defaultListen() Listen {
	return Listen{Submission: ":587", Submissions: ":465", IMAP: ":993", Web: ":443"}
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
	for i, c := range l.Connector {
		key := fmt.Sprintf("connector[%d]", i+1)
		one(key+".address", c.Address)
		f.need(key+".address", c.Address != "", "must be an address such as \":25\"")
		f.need(key+".networks", len(c.Networks) > 0, "must list the networks of the mail system, such as [\"10.1.0.0/16\"]: whoever is in them can send without a password")
		for _, n := range c.Networks {
			f.need(key+".networks", n.Bits() != 0, "%s would let the whole world send without a password: list the mail system's own networks", n)
		}
	}
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
