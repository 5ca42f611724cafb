// Package clamd asks ClamAV's daemon whether what it is given holds malware: clamd(8), the command INSTREAM.
//
// It gives a verdict or an error. What clamd does not answer, or answers otherwise than its manual says, is an error, and so
// is a stream that did not come to its end: nothing is taken for clean that was not said to be. Each stream has a connection
// of its own, every wait ends, and a stream costs one buffer of memory.
//
// A stream travels in clear, so clamd is reached over a unix socket or loopback, and nowhere else. The package writes nothing
// to disk. clamd does: it keeps each stream in a file of its TemporaryDirectory until it has judged it, which is why that
// directory belongs in memory (tmpfs).
package clamd

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

// TooLong is what is found in a stream that is longer than clamd takes (StreamMaxLength): it will never be scanned, so
// asking again later helps nobody. clamd itself calls what passes its other limits Heuristics.Limits.Exceeded, if its
// AlertExceedsMax is set.
const TooLong = "Limits.Exceeded.StreamMaxLength"

// DefaultTimeout is for all of a scan.
const DefaultTimeout = 50 * time.Second

// Config says where clamd is.
type Config struct {
	// Address is the path of a unix socket, or the host and port of a loopback address.
	Address string
	// Timeout is for a scan from the first octet to the verdict; DefaultTimeout if 0.
	Timeout time.Duration
}

// Client asks clamd. It is for use by many goroutines at once.
type Client struct {
	network, address string
	timeout          time.Duration
}

// New checks the configuration; it does not connect.
func New(c Config) (*Client, error) {
	client := &Client{network: "unix", address: c.Address, timeout: c.Timeout}
	if client.timeout <= 0 {
		client.timeout = DefaultTimeout
	}
	if strings.HasPrefix(c.Address, "/") {
		return client, nil
	}
	client.network = "tcp"
	at, err := netip.ParseAddrPort(c.Address)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("clamd: %q is neither the path of a socket nor a loopback address with its port, such as 127.0.0.1:3310", c.Address)
	}
	return client, nil
}

// Ping tells whether clamd answers.
func (c *Client) Ping(ctx context.Context) error {
	reply, err := c.ask(ctx, func(conn net.Conn) error {
		_, err := io.WriteString(conn, "zPING\x00")
		return err
	})
	if err == nil && reply != "PONG" {
		err = fmt.Errorf("it answers PING by %q", clean(reply))
	}
	return wrap(err)
}

// Scan reads r to its end and gives what clamd calls the malware in it, printable ASCII without spaces; "" if there is
// none. An error is no verdict.
func (c *Client) Scan(ctx context.Context, r io.Reader) (found string, err error) {
	reply, err := c.ask(ctx, func(conn net.Conn) error { return send(conn, r) })
	cut := errors.Is(err, errWrite)
	if err != nil && !cut {
		return "", wrap(err)
	}
	found, refused := parse(reply)
	switch {
	case found != "":
		return found, nil // though it did not listen to the end
	case err == nil, reply != "" && refused != nil:
		err = refused // what it says tells more than that it left
	}
	return "", wrap(err)
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("clamd: %w", err)
}

// errWrite means that clamd stopped taking the stream. It may have said why.
var errWrite = errors.New("it stopped listening")

// ask connects, lets fn write, and reads the reply: after errWrite too.
func (c *Client) ask(ctx context.Context, fn func(net.Conn) error) (reply string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, c.network, c.address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err = fn(conn)
	if err == nil || errors.Is(err, errWrite) {
		var unread error
		if reply, unread = receive(conn); err == nil {
			err = unread
		}
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return reply, err
}

// chunk is how much of a stream one write takes.
const chunk = 64 << 10

// send writes the command and the stream in chunks, each led by its length; an empty one ends it. An error of r leaves the
// stream without its end, so that clamd judges nothing.
func send(w io.Writer, r io.Reader) error {
	if _, err := io.WriteString(w, "zINSTREAM\x00"); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	b := make([]byte, 4+chunk)
	defer clear(b)
	for {
		n, failed := r.Read(b[4:])
		if failed != nil && failed != io.EOF {
			return failed
		}
		binary.BigEndian.PutUint32(b, uint32(n))
		if n > 0 {
			if _, err := w.Write(b[:4+n]); err != nil {
				return fmt.Errorf("%w: %w", errWrite, err)
			}
		}
		if failed == io.EOF {
			if _, err := w.Write(make([]byte, 4)); err != nil {
				return fmt.Errorf("%w: %w", errWrite, err)
			}
			return nil
		}
	}
}
