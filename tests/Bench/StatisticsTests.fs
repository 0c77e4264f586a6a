/// Part of Hybrid.Tests: the arithmetic of the benchmark, which needs no other library to be checked.
module Hybrid.Tests.Bench.StatisticsTests

open Expecto
open Hybrid.Bench

let private close = Expect.floatClose Accuracy.high

let private reading own idle all : Processor.Reading = { Own = own; Idle = idle; All = all }
let private start = reading 5.0 100.0 200.0

[<Tests>]
let tests =
    testList
        "Bench/Statistics"
        [
            test "percentiles lie between the neighbours, in any order" {
                let numbers = [ 4.0; 1.0; 3.0; 2.0; 5.0 ]
                close (Statistics.percentile 0.25 numbers) 2.0 "on a number"
                close (Statistics.percentile 0.1 numbers) 1.4 "between two"
                close (Statistics.percentile 0.0 numbers) 1.0 "the least"
                close (Statistics.percentile 1.0 numbers) 5.0 "the largest"
                close (Statistics.percentile 0.25 [ 7.0 ]) 7.0 "of one"
                Expect.isTrue (System.Double.IsNaN(Statistics.percentile 0.25 [])) "of none"
            }
            test "the median run is one that was measured" {
                Expect.equal (Statistics.medianBy id [ 3; 1; 2 ]) 2 "of three"
                Expect.equal (Statistics.medianBy id [ 4; 1; 2; 3 ]) 2 "of four"
            }
            test "the exponent of a power law is found, whatever its factor" {
                for power in [ -1.0; 0.0; 1.0; 1.7; 2.0 ] do
                    let points = [ for x in [ 8.0; 16.0; 32.0; 64.0 ] -> x, 3.5 * x ** power ]
                    Expect.floatClose Accuracy.medium (Statistics.exponent points) power $"x^{power}"
            }
            test "differences are relative to the largest number, and no number is infinitely far from one" {
                close (Statistics.difference [| 1.0; 2.0 |] [| 1.0; 4.0 |]) 0.5 "2 of 4"
                close (Statistics.difference [| 0.0; 0.0 |] [| 0.0; 0.0 |]) 0.0 "zeros"
                Expect.equal (Statistics.difference [| nan |] [| 1.0 |]) infinity "NaN"
                Expect.equal (Statistics.difference [| 1.0 |] [| 1.0; 1.0 |]) infinity "another length"
            }
            test "what others took is what was neither idle nor ours" {
                close (Processor.takenByOthers start (reading 5.5 100.2 201.0)) 0.3 "0.3 of 1 second"
                close (Processor.takenByOthers start (reading 5.9 100.2 201.0)) 0.0 "more than there was"
                close (Processor.takenByOthers start start) 0.0 "no time"
            }
            test "a round is discarded when others took more of it than the clock's grain can explain" {
                Expect.isFalse (Processor.isDisturbed start (reading 5.09 100.0 200.1)) "10 ms of 100: one tick"
                Expect.isTrue (Processor.isDisturbed start (reading 5.05 100.0 200.1)) "50 ms of 100"
                Expect.isFalse (Processor.isDisturbed start (reading 6.9 100.06 202.0)) "40 ms of 2 s"
                Expect.isTrue (Processor.isDisturbed start (reading 6.5 100.0 202.0)) "500 ms of 2 s"
            }
        ]
