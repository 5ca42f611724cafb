package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sigill/policy"
	"sigill/vault"
	"sigill/web"
	"sigill/web/login"
)

const (
	readers = 200
	letter  = 100_000 // octets of a message
	each    = time.Second
)

// BenchmarkReaders: so many persons are logged in, each on a connection of their own, and each opens a message of 100 KB
// every second, b.N times. The clients are another process. Told are the times from when a page was due to its last octet,
// so that a late one makes the next ones late too, and the server's processor time for each message.
//
// The messages are plain text, or HTML whose page has a frame: then an opening is both. An opening is the first of its
// message, which writes the audit, the status and a flag, or one again.
func BenchmarkReaders(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(300)) // as the server has it
	for _, kind := range []string{"plain", "html"} {
		for _, again := range []bool{false, true} {
			name := kind + map[bool]string{false: "/first", true: "/again"}[again]
			b.Run(name, func(b *testing.B) {
				work := readersStage(b, kind, map[bool]int{false: b.N, true: 1}[again], b.N)
				before := processorTime(b)
				b.ResetTimer()
				took := openAll(b, work)
				b.StopTimer()
				used := processorTime(b) - before
				slices.Sort(took)
				ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
				b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
				b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
				b.ReportMetric(ms(took[len(took)-1]), "max-ms")
				b.ReportMetric(ms(used)/float64(len(took)), "cpu-ms/message")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// openings are what the other process has to do.
type openings struct {
	Server string
	CA     []byte // DER
	Rounds int
	// Readers have a session's cookie each, and the pages they open in turn.
	Readers []struct {
		Cookie string
		Pages  [][]string
	}
}

func readersStage(b *testing.B, kind string, messages, rounds int) openings {
	s := newStage(b, web.Limits{PerMinute: 1 << 20})
	server, err := web.New(web.Config{
		Vault: s.vault, BaseURL: "https://127.0.0.1", Providers: []login.Provider{s.idp},
		Organisation: web.Organisation{Name: "Exempels kommun", Phone: "08-123 45 67", URL: "https://www.exempel.se"},
		TLS:          &tls.Config{Certificates: s.server.TLS.Certificates, MinVersion: tls.VersionTLS12}, Limits: web.Limits{PerMinute: 1 << 20},
	})
	must(b, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, l) }()
	b.Cleanup(func() { cancel(); must(b, <-ended) })

	work := openings{Server: "https://" + l.Addr().String(), CA: s.server.Certificate().Raw, Rounds: rounds}
	work.Readers = make([]struct {
		Cookie string
		Pages  [][]string
	}, readers)
	for n := range work.Readers {
		who := policy.MustAddress(fmt.Sprintf("person%d@example.com", n))
		must(b, s.vault.Directory().PutBinding(b.Context(), vault.Binding{Address: who, Person: somebody(n), Verified: time.Now()}))
		for range messages {
			page := "/messages/" + s.send(letterOf(kind), who).ID.String()
			pages := []string{page}
			if kind == "html" {
				pages = append(pages, page+"/html")
			}
			work.Readers[n].Pages = append(work.Readers[n].Pages, pages)
		}
		work.Readers[n].Cookie = s.cookieOf(work.Server, somebody(n))
	}
	return work
}

// somebody is a person with a number that nobody has.
func somebody(n int) policy.PersonID {
	for check := range 10 {
		if id, err := policy.ParsePersonID(fmt.Sprintf("%04d0101%03d%d", 1900+n/1000, n%1000, check)); err == nil {
			return id
		}
	}
	panic("no check digit holds")
}

// cookieOf logs somebody in at a server.
func (s *stage) cookieOf(server string, id policy.PersonID) string {
	s.idp.is(id, nil)
	v := s.visitor()
	a := v.post(server+"/login/eid", nil).is(http.StatusSeeOther)
	v.get(strings.Replace(a.Header.Get("Location"), "https://127.0.0.1/", server+"/", 1)).is(http.StatusSeeOther)
	at, err := http.NewRequest("GET", server, nil)
	must(s.t, err)
	for _, c := range v.client.Jar.Cookies(at.URL) {
		if strings.HasPrefix(c.Name, "__Host-") {
			return c.Name + "=" + c.Value
		}
	}
	s.t.Fatal("no session")
	return ""
}

// letterOf is a mail of many words, as a decision with its reasons is.
func letterOf(kind string) string {
	const words = "Nämnden beslutar att bevilja ansökan om hemtjänst enligt 4 kap. 1 § socialtjänstlagen. "
	head := strings.Replace(letterText, "text/plain", "text/"+kind, 1)
	head, _, _ = strings.Cut(head, "\n\n")
	var body strings.Builder
	for body.Len() < letter {
		if kind == "html" {
			fmt.Fprintf(&body, "<p style=\"margin:0 0 1em\"><b>Beslut</b> %s<a href=\"https://www.exempel.se/%d\">Läs mer</a></p>\n", words, body.Len())
		} else {
			body.WriteString(words + "\n")
		}
	}
	return head + "\n\n" + body.String()
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// openAll lets another process open everything and gives how long each took.
func openAll(b *testing.B, work openings) (took []time.Duration) {
	in, err := json.Marshal(work)
	must(b, err)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestReadersProcess$")
	cmd.Env = append(os.Environ(), readersProcess+"=1")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	must(b, err)
	first, _, _ := bytes.Cut(out, []byte("\n"))
	must(b, json.Unmarshal(first, &took))
	if len(took) != readers*work.Rounds {
		b.Fatalf("%d were opened", len(took))
	}
	return took
}

const readersProcess = "SIGILL_READERS_PROCESS"

// TestReadersProcess is the clients of BenchmarkReaders, in a process of their own; without that it has nothing to do.
func TestReadersProcess(t *testing.T) {
	if os.Getenv(readersProcess) == "" {
		return
	}
	var work openings
	must(t, json.NewDecoder(os.Stdin).Decode(&work))
	ca, err := x509.ParseCertificate(work.CA)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	took := make([][]time.Duration, len(work.Readers))
	var all sync.WaitGroup
	begin := time.Now().Add(each)
	for n, r := range work.Readers {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		c := &http.Client{Transport: transport}
		all.Go(func() {
			must(t, open(c, work.Server+"/static/seal.svg", "")) // the connection is there
			for round := range work.Rounds {
				due := begin.Add(time.Duration(round)*each + time.Duration(n)*each/readers)
				time.Sleep(time.Until(due))
				for _, page := range r.Pages[round%len(r.Pages)] {
					if err := open(c, work.Server+page, r.Cookie); err != nil {
						t.Error(err)
						return
					}
				}
				took[n] = append(took[n], time.Since(due))
			}
		})
	}
	all.Wait()
	must(t, json.NewEncoder(os.Stdout).Encode(slices.Concat(took...)))
}

func open(c *http.Client, page, cookie string) error {
	r, err := http.NewRequest("GET", page, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Cookie", cookie)
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, fmt.Errorf("%s: %s, %d octets", page, resp.Status, n))
	}
	return errors.Join(err, resp.Body.Close())
}
