package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"sigill/web"
	"sigill/web/autoconfig"
	"sigill/web/brand"
)

// Web is where browsers find the pages, and what is served beside them.
type Web struct {
	URL         string `toml:"url"`
	MailClients bool   `toml:"mail_clients"`
	Logo        File   `toml:"logo"`
	Colour      string `toml:"colour"`
	ColourDark  string `toml:"colour_dark"`
	Pages       File   `toml:"pages"`
	// Proxies are reverse proxies that tell the client's address in the field ProxyHeader.
	Proxies     []netip.Prefix `toml:"proxies"`
	ProxyHeader string         `toml:"proxy_header"`
	Purpose     Purpose        `toml:"purpose"`
}

// The fields by which proxies tell the client's address.
const (
	headerForwardedFor = "X-Forwarded-For"
	headerForwarded    = "Forwarded"
)

func defaultWeb() Web {
	return Web{MailClients: true, Proxies: []netip.Prefix{}, ProxyHeader: headerForwardedFor, Purpose: defaultPurpose()}
}

func (w Web) check(f faults, _ *Config) {
	_, host, _ := strings.Cut(w.URL, "://")
	f.need("proxy_header", w.ProxyHeader == headerForwardedFor || w.ProxyHeader == headerForwarded, "must be %q or %q", headerForwardedFor, headerForwarded)
	for _, n := range w.Proxies {
		f.need("proxies", n.Bits() != 0, "%s would let anybody claim any address: list the proxies' own", n)
	}
	f.need("url", isPlainURL(w.URL) && !strings.Contains(host, "/"),
		"must be https, a host and nothing after it, such as \"https://sakert.example.se\"")
	_, err := w.logo()
	f.fits("logo", err)
	if w.Colour != "" {
		_, err = brand.LightAccent(w.Colour)
		f.fits("colour", err)
	}
	if w.ColourDark != "" {
		_, err = brand.DarkAccent(w.ColourDark)
		f.fits("colour_dark", err)
		f.need("colour", w.Colour != "", "must be set where colour_dark is")
	}
	_, err = w.Info()
	f.fits("pages", err)
	w.Purpose.check(f.in("purpose"))
}

// Info reads the pages of information.
func (w Web) Info() (web.Info, error) {
	if w.Pages == "" {
		return nil, nil
	}
	info, err := web.ReadInfo(os.DirFS(string(w.Pages)))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no folder %s", w.Pages)
	}
	return info, err
}

func (w Web) logo() (brand.Logo, error) {
	if w.Logo == "" {
		return brand.Logo{}, nil
	}
	octets, err := w.Logo.Read()
	if err != nil {
		return brand.Logo{}, err
	}
	return brand.NewLogo(octets)
}

// Brand reads what the pages look like.
func (w Web) Brand() (b web.Brand, err error) {
	if b.Logo, err = w.logo(); err != nil {
		return b, fmt.Errorf("web.logo: %w", err)
	}
	if w.Colour == "" {
		return b, nil
	}
	b.Colours, err = brand.NewColours(w.Colour, w.ColourDark)
	return b, err
}

// ProxiesInFront are the proxies as the server takes them.
func (w Web) ProxiesInFront() web.Proxies {
	return web.Proxies{Networks: w.Proxies, Forwarded: w.ProxyHeader == headerForwarded}
}

// MailClients are the settings that mail programs look up; nil if they are not to, or there is nothing to tell.
func (c *Config) MailClients() *autoconfig.Settings {
	s := autoconfig.Settings{
		Organisation: c.Organisation.Name, Domains: c.Domains, Host: c.Hostname,
		IMAPS: portOf(c.Listen.IMAP, 993), Submissions: portOf(c.Listen.Submissions, 465), Submission: portOf(c.Listen.Submission, 587),
	}
	if !c.Web.MailClients || s.IMAPS == 0 || s.Sending() == 0 {
		return nil
	}
	return &s
}

// portOf is the port of an address: 0 for none, and the usual one where the address does not tell.
func portOf(address string, usual int) int {
	if address == "" {
		return 0
	}
	_, port, err := net.SplitHostPort(address)
	n, wrong := strconv.Atoi(port)
	if err != nil || wrong != nil || n == 0 || strings.HasPrefix(address, Inherited) {
		return usual
	}
	return n
}
