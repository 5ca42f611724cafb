package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"sigill/cmd/sigill/internal/config"
	"sigill/cmd/sigill/internal/proxy"
	"sigill/smtpd"
)

// listeners are the open ports of a server, by what they are for.
type listeners struct {
	smtp      []smtpd.Listener
	imap, web net.Listener // imap is nil for none
}

// openPorts binds what the configuration says, before anything else is done: a port that is taken, or needs a privilege,
// shows at once.
func openPorts(c config.Listen) (p listeners, err error) {
	given, err := inherited()
	if err != nil {
		return p, err
	}
	open := func(key, address string) (l net.Listener) {
		if name, ok := strings.CutPrefix(address, config.Inherited); ok {
			if l = given[name]; l == nil {
				err = errors.Join(err, fmt.Errorf("listen.%s: systemd has passed no socket with FileDescriptorName=%s", key, name))
			}
			delete(given, name)
		} else if address != "" {
			opened, faulty := net.Listen("tcp", address)
			if faulty != nil {
				err = errors.Join(err, fmt.Errorf("listen.%s: %w", key, faulty))
				return nil
			}
			l = opened
		}
		if l != nil && len(c.Proxies) > 0 {
			l = proxy.Listen(l, c.Proxies)
		}
		return l
	}
	smtp := func(kind smtpd.Kind, l net.Listener) {
		if l != nil {
			p.smtp = append(p.smtp, smtpd.Listener{Kind: kind, Net: l})
		}
	}
	smtp(smtpd.Submission, open("submission", c.Submission))
	smtp(smtpd.Submissions, open("submissions", c.Submissions))
	for i, connector := range c.Connector {
		if l := open(fmt.Sprintf("connector[%d].address", i+1), connector.Address); l != nil {
			system, faulty := connector.System()
			err = errors.Join(err, faulty)
			p.smtp = append(p.smtp, smtpd.Listener{
				Kind: smtpd.Connector, Net: l, Networks: connector.Networks, Unprotected: connector.Unprotected, Signed: connector.Signed, System: system, Secure: connector.Secure,
			})
		}
	}
	p.imap, p.web = open("imap", c.IMAP), open("web", c.Web)
	for name, l := range given {
		err = errors.Join(err, fmt.Errorf("systemd has passed a socket %q that nothing in [listen] asks for", name), l.Close())
	}
	if err != nil {
		p.close()
	}
	return p, err
}

// close is for ports that will not be served.
func (p listeners) close() {
	for _, l := range p.smtp {
		l.Net.Close()
	}
	for _, l := range []net.Listener{p.imap, p.web} {
		if l != nil {
			l.Close()
		}
	}
}

// firstInherited is the file descriptor of the first socket systemd passes (sd_listen_fds(3)).
const firstInherited = 3

// inherited are the sockets systemd has passed to this process, by name.
func inherited() (map[string]net.Listener, error) {
	out := map[string]net.Listener{}
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return out, nil
	}
	n, _ := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i := range n {
		if i >= len(names) {
			return nil, errors.New("systemd has passed sockets without names: set FileDescriptorName= in the socket units")
		}
		f := os.NewFile(uintptr(firstInherited+i), names[i])
		l, err := net.FileListener(f)
		if err = errors.Join(err, f.Close()); err != nil { // the listener has a descriptor of its own
			return nil, fmt.Errorf("socket %s of systemd: %w", names[i], err)
		}
		out[names[i]] = l
	}
	return out, nil
}
