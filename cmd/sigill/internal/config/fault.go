package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Fault is one thing that is wrong, and what would be right.
type Fault struct {
	Key  string // its path, "listen.connector[1].networks"; "" if the file is no TOML
	Text string
}

func (f Fault) String() string {
	if f.Key == "" {
		return f.Text
	}
	return f.Key + ": " + f.Text
}

// Faults are all that is wrong with a configuration, one a line.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

// faults collects what is wrong below one key.
type faults struct {
	prefix string
	all    *Faults
}

func newFaults() faults { return faults{all: new(Faults)} }

// in is for the keys below key.
func (f faults) in(key string) faults { return faults{f.path(key) + ".", f.all} }

func (f faults) path(key string) string { return strings.TrimSuffix(f.prefix+key, ".") }

// need notes a fault unless ok. One key has one fault: a value of the wrong type is not told twice.
func (f faults) need(key string, ok bool, format string, args ...any) {
	path := f.path(key)
	if ok || slices.ContainsFunc(*f.all, func(old Fault) bool { return old.Key == path }) {
		return
	}
	*f.all = append(*f.all, Fault{path, fmt.Sprintf(format, args...)})
}

// origin is the name of a package that leads its errors; for whoever keeps a configuration it is noise.
var origin = regexp.MustCompile(`(?m)^(bankid|brand|clamd|expr|login|outbox|partner|policy|relay|tls|vault): `)

// fits notes an error.
func (f faults) fits(key string, err error) {
	if err != nil {
		f.need(key, false, "%s", origin.ReplaceAllString(err.Error(), ""))
	}
}

// only drops the faults after the first n that are in none of the parts; all parts count if none is named.
func (f faults) only(n int, parts []string) {
	if len(parts) == 0 {
		return
	}
	kept := (*f.all)[:n]
	for _, found := range (*f.all)[n:] {
		if slices.ContainsFunc(parts, func(p string) bool {
			return found.Key == p || strings.HasPrefix(found.Key, p+".") || strings.HasPrefix(found.Key, p+"[")
		}) {
			kept = append(kept, found)
		}
	}
	*f.all = kept
}

func (f faults) err() error {
	if len(*f.all) == 0 {
		return nil
	}
	slices.SortFunc(*f.all, func(a, b Fault) int { return strings.Compare(a.Key, b.Key) })
	return *f.all
}
