// Package autoconfig tells mail programs how to reach IMAP and submission, so that staff type an address and a device
// password and nothing else: Thunderbird's config-v1.1.xml, Outlook's Autodiscover (POX), a profile for Apple Mail, and
// the DNS records of RFC 6186 and RFC 8314.
//
// Every address of the organisation's domains gets the same answer, so the answers tell nothing of who has an account.
// They hold no secret.
package autoconfig

import (
	"bytes"
	"embed"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/template"

	"sigill/policy"
)

// Settings are what mail programs are told. Ports that are 0 are not offered.
type Settings struct {
	// Organisation is the name people know: "Exempels kommun".
	Organisation string
	// Domains are those of the addresses, in lower case; the first names the set-up.
	Domains []string
	// Host serves IMAP and submission.
	Host string
	// IMAPS and Submissions are ports with TLS from the first octet (993, 465; RFC 8314), Submission one with STARTTLS (587).
	IMAPS, Submissions, Submission int
}

//go:embed *.tmpl
var files embed.FS

var documents = template.Must(template.New("").Funcs(template.FuncMap{"x": escape}).ParseFS(files, "*.tmpl"))

// escape makes text safe in XML, attributes included.
func escape(v any) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, fmt.Append(nil, v))
	return b.String(), err
}

// document is what a template gets.
type document struct {
	Settings
	Address policy.Address
}

// UUID names a payload of a profile: the same for the same person and host, so that a second one replaces the first.
func (d document) UUID(what string) string { return uuid("sigill", what, d.Host, d.Address.Key()) }

// Sending is the port of submission to tell, with TLS from the first octet if there is one.
func (s Settings) Sending() int {
	if s.Submissions != 0 {
		return s.Submissions
	}
	return s.Submission
}

// Both tells that mail is read and sent here, without which there is no profile for Apple Mail.
func (s Settings) Both() bool { return s.IMAPS != 0 && s.Sending() != 0 }

// Domain is the first of Domains.
func (s Settings) Domain() string { return s.Domains[0] }

// Routes are the handlers by the patterns of [http.ServeMux]. Outlook writes the path in several ways.
func (s Settings) Routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /mail/config-v1.1.xml":                        s.thunderbird,
		"GET /.well-known/autoconfig/mail/config-v1.1.xml": s.thunderbird,
		"/autodiscover/autodiscover.xml":                   s.outlook,
		"/Autodiscover/Autodiscover.xml":                   s.outlook,
		"/AutoDiscover/AutoDiscover.xml":                   s.outlook,
		"GET /mail/apple.mobileconfig":                     s.apple,
	}
}

// thunderbird fills the address in itself.
func (s Settings) thunderbird(w http.ResponseWriter, _ *http.Request) {
	s.write(w, "thunderbird.xml.tmpl", "text/xml; charset=utf-8", policy.Address{})
}

// maxRequest is the octets of an Autodiscover request; real ones have a few hundred.
const maxRequest = 16 << 10

// outlook answers Autodiscover (Microsoft's MS-OXDSCLI): the address is in the request's body, or there is none in a probe by GET.
func (s Settings) outlook(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Request struct {
			EMailAddress string
		}
	}
	if r.Method == http.MethodPost {
		if err := xml.NewDecoder(io.LimitReader(r.Body, maxRequest)).Decode(&request); err != nil {
			http.Error(w, "The body is no Autodiscover request.", http.StatusBadRequest)
			return
		}
	}
	a, ok := s.ours(request.Request.EMailAddress)
	if request.Request.EMailAddress != "" && !ok {
		http.Error(w, "The address is not of this organisation.", http.StatusNotFound)
		return
	}
	s.write(w, "outlook.xml.tmpl", "text/xml; charset=utf-8", a)
}

// apple makes a profile for one address.
func (s Settings) apple(w http.ResponseWriter, r *http.Request) {
	a, ok := s.ours(r.URL.Query().Get("address"))
	if !ok {
		http.Error(w, "Give an address of this organisation: ?address=first.last@"+s.Domain(), http.StatusNotFound)
		return
	}
	if !s.Both() {
		http.Error(w, "A profile is for IMAP and submission, and not both are served here; set the account up by hand.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="sakert.mobileconfig"`)
	s.write(w, "apple.mobileconfig.tmpl", "application/x-apple-aspen-config", a)
}

// ours reads an address of one of the organisation's domains.
func (s Settings) ours(text string) (policy.Address, bool) {
	a, err := policy.ParseAddress(text)
	return a, err == nil && slices.Contains(s.Domains, a.Domain)
}

func (s Settings) write(w http.ResponseWriter, name, kind string, a policy.Address) {
	var b bytes.Buffer
	if err := documents.ExecuteTemplate(&b, name, document{s, a}); err != nil {
		http.Error(w, "This did not work; set the account up by hand.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Write(b.Bytes())
}
