// The same with Go's own client.
package main

import (
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
)

func main() {
	rows := prometheus.NewCounter(prometheus.CounterOpts{Name: "rows_total", Help: "Rows."})
	success := prometheus.NewGauge(prometheus.GaugeOpts{Name: "last_success_timestamp_seconds", Help: "When."})
	pusher := push.New("http://"+os.Args[1], "go").Collector(rows).Collector(success)
	if err := pusher.Add(); err != nil {
		panic(err)
	}
	rows.Inc()
	success.SetToCurrentTime()
	if err := pusher.Add(); err != nil {
		panic(err)
	}
}
