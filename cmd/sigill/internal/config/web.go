package config

import "strings"

// Web is where browsers find the pages.
type Web struct {
	URL string `toml:"url"`
}

func (w Web) check(f faults, _ *Config) {
	_, host, _ := strings.Cut(w.URL, "://")
	f.need("url", isPlainURL(w.URL) && !strings.Contains(host, "/"),
		"must be https, a host and nothing after it, such as \"https://sakert.example.se\"")
}
