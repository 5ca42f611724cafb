// Package config reads Sigill's configuration: one TOML file, read strictly. A key that it does not know is a fault, and
// all faults of a file are told at once, each with its key's path and with what would be right.
//
// A section is one struct in a file of its name, with its defaults, its check, and methods that make of it what the
// packages below take. To add one: write the struct, put it into [Config] and [Config.sections], and its paragraph into
// sample.toml. Tests see to it that the sample names every key and tells the true defaults.
//
// Parsing, checking and opening are three steps. Checking reads the files the configuration names, since a key that
// cannot be read is a fault like another, but opens no vault and no port.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// Config is a whole configuration.
type Config struct {
	Hostname string   `toml:"hostname"` // our name in SMTP
	Domains  []string `toml:"domains"`  // the organisation's own

	Organisation Organisation `toml:"organisation"`
	TLS          TLS          `toml:"tls"`
	Listen       Listen       `toml:"listen"`
	Web          Web          `toml:"web"`
	Upstream     Upstream     `toml:"upstream"`
	Rules        Rules        `toml:"rules"`
	DNSSEC       DNSSEC       `toml:"dnssec"`
	Partner      []Partner    `toml:"partner"`
	Notices      Notices      `toml:"notices"`
	Retention    Retention    `toml:"retention"`
	Login        []Login      `toml:"login"`
	BankID       []BankID     `toml:"bankid"`
	Staff        Staff        `toml:"staff"`
	SAML         []SAML       `toml:"saml"`
	Vault        Vault        `toml:"vault"`
	Scan         Scan         `toml:"scan"`
	Limits       Limits       `toml:"limits"`
	Log          Log          `toml:"log"`
}

// Default is what a file need not say.
func Default() Config {
	return Config{
		Listen:    defaultListen(),
		Upstream:  defaultUpstream(),
		Rules:     defaultRules(),
		Notices:   defaultNotices(),
		Retention: defaultRetention(),
		Staff:     defaultStaff(),
		Web:       defaultWeb(),
		Vault:     defaultVault(),
		Scan:      defaultScan(),
		Limits:    defaultLimits(),
		Log:       defaultLog(),
	}
}

// section is a part of the configuration that knows what is right for it.
type section interface {
	// check tells what is wrong; whole is for what must agree with another section.
	check(f faults, whole *Config)
}

// sections are all sections, by the path of their keys.
func (c *Config) sections() map[string]section {
	out := map[string]section{
		"organisation": c.Organisation,
		"tls":          c.TLS,
		"listen":       c.Listen,
		"web":          c.Web,
		"upstream":     c.Upstream,
		"rules":        c.Rules,
		"dnssec":       c.DNSSEC,
		"notices":      c.Notices,
		"retention":    c.Retention,
		"staff":        c.Staff,
		"vault":        c.Vault,
		"scan":         c.Scan,
		"limits":       c.Limits,
		"log":          c.Log,
	}
	for i, p := range c.Partner {
		out[numbered("partner", i)] = p
	}
	for i, l := range c.Login {
		out[numbered("login", i)] = l
	}
	for i, b := range c.BankID {
		out[numbered("bankid", i)] = b
	}
	for i, s := range c.SAML {
		out[numbered("saml", i)] = s
	}
	return out
}

// numbered is the path of one of several sections of a name.
func numbered(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i+1) }

// Load reads and checks a file. The error is [Faults] if the file is there and wrong. Paths in it are relative to its
// folder. If parts are named, "vault" or "vault.dir", only these are checked beyond the types of values: a command that
// needs the vault does not need the certificate.
func Load(path string, parts ...string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return Parse(text, dir, parts...)
}

// Parse is Load for the text of a file in the folder dir.
func Parse(text []byte, dir string, parts ...string) (Config, error) {
	c := Default()
	var tree map[string]any
	if _, err := toml.Decode(string(text), &tree); err != nil {
		return c, Faults{{Text: strings.TrimPrefix(err.Error(), "toml: ")}}
	}
	found := newFaults()
	fit(found, &c, tree, dir)
	shape := len(*found.all)
	c.check(found)
	found.only(shape, parts)
	return c, found.err()
}

func (c *Config) check(f faults) {
	f.need("hostname", isHost(c.Hostname), "must be our full name in SMTP, such as \"sakert.example.se\"")
	f.need("domains", len(c.Domains) > 0, "must name the organisation's own mail domains, such as [\"example.se\"]")
	for i, d := range c.Domains {
		f.need(fmt.Sprintf("domains[%d]", i+1), isHost(d) && d == strings.ToLower(d), "%q must be a domain in lower case, such as \"example.se\"", d)
	}
	for key, s := range c.sections() {
		s.check(f.in(key), c)
	}
	partners := map[string]bool{}
	for i, p := range c.Partner {
		for _, d := range p.Domains {
			f.need(numbered("partner", i)+".domains", !partners[d], "%s is another partner's already", d)
			partners[d] = true
		}
	}
	seen := map[string]bool{}
	keys, ids := c.providerIDs()
	for i, id := range ids {
		f.need(keys[i]+".id", !seen[id], "%q is another provider's already: each needs its own", id)
		seen[id] = true
	}
}

// owns tells whether a domain is the organisation's.
func (c *Config) owns(domain string) bool {
	for _, d := range c.Domains {
		if strings.EqualFold(d, domain) {
			return true
		}
	}
	return false
}

// isHost tells a name of two labels or more (RFC 1123 section 2.1).
func isHost(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		ok := l != "" && len(l) <= 63 && l[0] != '-' && l[len(l)-1] != '-'
		if !ok || strings.ContainsFunc(l, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
		}) {
			return false
		}
	}
	return len(labels) >= 2 && len(s) <= 253
}
