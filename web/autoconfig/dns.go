package autoconfig

import (
	"fmt"
	"net/url"
	"strings"
)

// Record is a DNS record to set, in the form of a zone file (RFC 1035 section 5.1) without TTL.
type Record struct {
	Name, Type, Value string
	// Why says what it is for.
	Why string
}

// String is the record's line in a zone file.
func (r Record) String() string { return fmt.Sprintf("%s. IN %s %s", r.Name, r.Type, r.Value) }

// Records are those by which mail programs find the settings, for each domain. web is where the server's pages are.
func (s Settings) Records(web *url.URL) (out []Record) {
	for _, domain := range s.Domains {
		srv := func(service string, port int, why string) {
			value := "0 0 0 ." // decidedly not available (RFC 2782)
			if port != 0 {
				value = fmt.Sprintf("0 1 %d %s.", port, s.Host)
			}
			out = append(out, Record{service + "." + domain, "SRV", value, why})
		}
		srv("_imaps._tcp", s.IMAPS, "IMAP with TLS (RFC 8314)")
		srv("_imap._tcp", 0, "no IMAP without it")
		srv("_submissions._tcp", s.Submissions, "submission with TLS (RFC 8314)")
		srv("_submission._tcp", s.Submission, "submission with STARTTLS (RFC 6186)")
		srv("_pop3._tcp", 0, "no POP3")
		srv("_pop3s._tcp", 0, "no POP3")
		port := web.Port()
		if port == "" {
			port = "443"
		}
		out = append(out,
			Record{"autoconfig." + domain, "CNAME", web.Hostname() + ".", "Thunderbird; the certificate must name it too"},
			Record{"_autodiscover._tcp." + domain, "SRV", "0 0 " + port + " " + web.Hostname() + ".", "Outlook"},
		)
	}
	return out
}

// Text is a TXT record whose value is cut into strings of 255 octets (RFC 7208 section 3.3).
func Text(name, value, why string) Record {
	var parts []string
	for len(value) > 255 {
		parts, value = append(parts, `"`+value[:255]+`"`), value[255:]
	}
	return Record{name, "TXT", strings.Join(append(parts, `"`+value+`"`), " "), why}
}
