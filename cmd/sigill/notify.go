package main

import (
	"net"
	"os"
)

// notify tells systemd how the service is (sd_notify(3)); elsewhere it does nothing. What systemd does not hear, it finds
// out by its time limits, so a failure is not told.
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}) // a leading @ is an abstract name
	if err != nil {
		return
	}
	defer c.Close()
	c.Write([]byte(state))
}
