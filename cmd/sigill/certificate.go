package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"sigill/cmd/sigill/internal/config"
)

// certificateEach is how often the files of the certificate are looked at.
const certificateEach = 30 * time.Second

// certificate is the one every port shows. It is read anew when its files change and on SIGHUP; one that cannot be read
// leaves the old one in use.
type certificate struct {
	files   config.TLS
	log     *slog.Logger
	current atomic.Pointer[tls.Certificate]
	changed string // of the files when they were read last
}

func newCertificate(files config.TLS, log *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, log: log, changed: stamp(files)}
	first, err := files.Load()
	c.current.Store(first)
	return c, err
}

// config is for all ports.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// Run keeps the certificate fresh until ctx ends.
func (c *certificate) Run(ctx context.Context) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(certificateEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			c.renew()
		case <-tick.C:
			if stamp(c.files) != c.changed {
				c.renew()
			}
		}
	}
}

func (c *certificate) renew() {
	now := stamp(c.files)
	fresh, err := c.files.Load()
	if err != nil { // the key may be written a moment after the chain: the next look finds both
		c.log.Error("tls: the certificate cannot be read anew; the one before stays in use", "error", err)
		return
	}
	c.changed = now
	c.current.Store(fresh)
	c.log.Info("tls: certificate read anew", "until", fresh.Leaf.NotAfter)
}

// stamp tells one state of the files from another.
func stamp(files config.TLS) (out string) {
	for _, f := range []config.File{files.Certificate, files.Key} {
		if info, err := os.Stat(string(f)); err == nil {
			out += info.ModTime().Format(time.RFC3339Nano) + " "
		}
	}
	return out
}
