// The standard library's client of the dialect, with the structures of March 2012.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net/rpc/jsonrpc"
	"os"
	"strings"
	"sync"
	"time"
)

type CallDescriptor struct {
	TOR                                int
	CstmId, Subject, DestinationPrefix string
	TimeStart, TimeEnd                 time.Time
	Amount                             float64
}

type Interval struct {
	Month, MonthDay                         int
	WeekDays                                []int
	StartTime, EndTime                      string
	Ponder, ConnectFee, Price, BillingUnit  float64
}

type ActivationPeriod struct {
	ActivationTime time.Time
	Intervals      []*Interval
}

type MinuteInfo struct {
	DestinationId   string
	Quantity, Price float64
}

type TimeSpan struct {
	TimeStart, TimeEnd time.Time
	ActivationPeriod   *ActivationPeriod
	Interval           *Interval
	MinuteInfo         *MinuteInfo
}

type CallCost struct {
	TOR                                int
	CstmId, Subject, DestinationPrefix string
	Cost, ConnectFee                   float64
	Timespans                          []*TimeSpan
}

func main() {
	client, err := jsonrpc.Dial("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.Open("vectors.txt")
	if err != nil {
		log.Fatal(err)
	}
	var running sync.WaitGroup
	count := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); count++ {
		var subject, number, start, end string
		var expected float64
		fmt.Sscan(scanner.Text(), &subject, &number, &start, &end, &expected)
		from, err := time.Parse(time.RFC3339, start)
		if err != nil {
			log.Fatal(err)
		}
		to, err := time.Parse(time.RFC3339, end)
		if err != nil {
			log.Fatal(err)
		}
		running.Add(1)
		// All of them at once over the one connection.
		go func() {
			defer running.Done()
			var cost CallCost
			call := CallDescriptor{CstmId: "vdf", Subject: subject, DestinationPrefix: number, TimeStart: from, TimeEnd: to}
			if err := client.Call("Responder.GetCost", &call, &cost); err != nil {
				log.Fatal(err)
			}
			if cost.Cost != expected || !strings.HasPrefix(number, cost.DestinationPrefix) || len(cost.Timespans) == 0 {
				log.Fatalf("%s %s: expected %v, got %+v", subject, number, expected, cost)
			}
		}()
	}
	running.Wait()
	var cost CallCost
	err = client.Call("Responder.Nope", &CallDescriptor{}, &cost)
	if err == nil || err.Error() != "rpc: can't find method Responder.Nope" {
		log.Fatal(err)
	}
	var left float64
	if err := client.Call("Responder.DebitCents", &CallDescriptor{Subject: "minutosu", Amount: 6}, &left); err != nil || left != 15 {
		log.Fatal(left, err)
	}
	fmt.Println(count, "figures")
}
