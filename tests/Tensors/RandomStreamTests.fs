module Hybrid.Tests.Tensors.RandomStreamTests

open System
open Expecto
open FsCheck.FSharp
open Hybrid.Tensors
open Hybrid.Tests.Support

let private many = 50_000

let private take count (next: unit -> 'T) = Array.init count (fun _ -> next ())

let private moments (values: float[]) =
    let mean = Array.average values
    mean, values |> Array.averageBy (fun value -> (value - mean) ** 2.0)

let private correlation (a: float[]) (b: float[]) =
    let (meanA, varianceA), (meanB, varianceB) = moments a, moments b
    let covariance = Array.map2 (fun x y -> (x - meanA) * (y - meanB)) a b |> Array.average
    covariance / sqrt (varianceA * varianceB)

/// Five standard errors of a mean of so many numbers of variance 1.
let private fiveErrors = 5.0 / sqrt (float many)

[<Tests>]
let tests =
    testList
        "Tensors.RandomStream"
        [
            propertyOf (Gen.choose (0, Int32.MaxValue)) 20 "the same seed gives the same bits" (fun seed ->
                let draw () = take 50 (RandomStream(uint64 seed)).NextBits
                Expect.equal (draw ()) (draw ()) "bits")

            propertyOf (Gen.choose (0, Int32.MaxValue - 1)) 20 "neighbouring seeds share no number" (fun seed ->
                let draw seed = take 50 (RandomStream(uint64 seed)).NextBits
                Expect.isEmpty (Set.intersect (Set.ofArray (draw seed)) (Set.ofArray (draw (seed + 1)))) "shared")

            testCase "the first numbers of a seed are those that SplitMix64 gives by hand" (fun () ->
                let first = take 3 (RandomStream 1UL).NextBits
                Expect.equal first [| 0x5e41ab087439611eUL; 0xf18d6ce93d6cf1eeUL; 0x0b95f66d327e8d78UL |] "bits")

            testCase "seed 0, and the largest seed, are seeds like any other" (fun () ->
                for seed in [ 0UL; UInt64.MaxValue ] do
                    let mean, _ = moments (take many (RandomStream seed).NextUniform)
                    Expect.isLessThan (abs (mean - 0.5)) fiveErrors "mean")

            testCase "uniform numbers lie in [0, 1), with mean 1/2 and variance 1/12" (fun () ->
                let values = take many (RandomStream 1UL).NextUniform
                let mean, variance = moments values
                Expect.all values (fun value -> value >= 0.0 && value < 1.0) "range"
                Expect.isLessThan (abs (mean - 0.5)) (fiveErrors * sqrt (1.0 / 12.0)) "mean"
                // The fourth central moment of a uniform number is 1/80.
                Expect.isLessThan
                    (abs (variance - 1.0 / 12.0))
                    (fiveErrors * sqrt (1.0 / 80.0 - 1.0 / 144.0))
                    "variance")

            testCase "normal numbers have mean 0, variance 1, skewness 0 and kurtosis 3" (fun () ->
                let values = take many (RandomStream 2UL).NextNormal
                let moment power = values |> Array.averageBy (fun value -> value ** power)
                Expect.all values Double.IsFinite "finite"
                Expect.isLessThan (abs (moment 1.0)) fiveErrors "mean"
                Expect.isLessThan (abs (moment 2.0 - 1.0)) (fiveErrors * sqrt 2.0) "variance"
                Expect.isLessThan (abs (moment 3.0)) (fiveErrors * sqrt 15.0) "skewness"
                Expect.isLessThan (abs (moment 4.0 - 3.0)) (fiveErrors * sqrt 96.0) "kurtosis")

            testCase "numbers of one stream do not depend on those before" (fun () ->
                let values = take many (RandomStream 3UL).NextUniform
                Expect.isLessThan (abs (correlation values[.. many - 2] values[1..])) fiveErrors "neighbours")

            testCase "a stream split off by a label is the same whatever was drawn before" (fun () ->
                let random = RandomStream 4UL
                let before = take 20 (random.Split "a").NextBits
                take 100 random.NextBits |> ignore
                Expect.equal (take 20 (random.Split "a").NextBits) before "split")

            testCase "splitting draws nothing from the stream itself" (fun () ->
                let random = RandomStream 4UL
                random.Split("a").NextBits() |> ignore
                Expect.equal random.Position 0UL "position"
                Expect.equal (take 20 random.NextBits) (take 20 (RandomStream 4UL).NextBits) "bits")

            testCase "streams of different labels, and their parent, share no number and do not correlate" (fun () ->
                let parent = RandomStream 5UL
                let labels = [ ""; "a"; "b"; "ab"; "ba"; "aa" ]

                let streams =
                    RandomStream 5UL :: [ for label in labels -> parent.Split label ] @ [ parent.Split("a").Split "b" ]

                let values = streams |> List.map (fun stream -> take many stream.NextUniform)
                let distinct = values |> Seq.collect (Array.take 100) |> Seq.distinct |> Seq.length
                Expect.equal distinct (100 * streams.Length) "shared"

                for a, b in List.pairwise values do
                    Expect.isLessThan (abs (correlation a b)) fiveErrors "correlation")

            propertyOf (Gen.choose (1, 1000)) 25 "NextBelow stays below its limit and reaches both ends" (fun limit ->
                let random = RandomStream(uint64 limit)
                let values = take (20 * limit) (fun () -> random.NextBelow limit)
                Expect.all values (fun value -> value >= 0 && value < limit) "range"
                Expect.contains values 0 "smallest"
                Expect.contains values (limit - 1) "largest")

            testCase "NextBelow gives each number equally often" (fun () ->
                let random = RandomStream 6UL
                let counts = take many (fun () -> random.NextBelow 7) |> Array.countBy id
                Expect.equal counts.Length 7 "all of them"

                for _, count in counts do
                    Expect.isLessThan (abs (float count / float many - 1.0 / 7.0)) fiveErrors "share")

            testCase "NextBelow reaches numbers near the largest limit, and refuses one that is not positive" (fun () ->
                let random = RandomStream 7UL
                let values = take 1000 (fun () -> random.NextBelow Int32.MaxValue)
                Expect.isGreaterThan (Array.max values) (Int32.MaxValue / 2) "large"
                Expect.all values (fun value -> value >= 0) "signs"

                for limit in [ 0; -1 ] do
                    refusesRange [ "limit" ] (fun () -> random.NextBelow limit))

            property 25 "Shuffle gives a permutation" (fun sizes ->
                let items = permutation sizes.Random (sizes.Rows * sizes.Columns)
                Expect.equal (Array.sort items) (Array.init items.Length id) "permutation")

            testCase "Shuffle gives each of the six orders of three items equally often" (fun () ->
                let random = RandomStream 8UL
                let counts = take many (fun () -> permutation random 3 |> List.ofArray) |> Array.countBy id
                Expect.equal counts.Length 6 "all of them"

                for _, count in counts do
                    Expect.isLessThan (abs (float count / float many - 1.0 / 6.0)) fiveErrors "share")

            testCase "shuffling nothing, or one item, draws nothing" (fun () ->
                let random = RandomStream 9UL
                random.Shuffle(Span<int>.Empty)
                random.Shuffle(Span [| 1 |])
                Expect.equal random.Position 0UL "position")

            testCase
                "reserved numbers are those that would have been drawn, in halves, whatever was drawn since"
                (fun () ->
                    let drawn = take 40 (RandomStream 10UL).NextBits
                    let random = RandomStream 10UL
                    random.NextBits() |> ignore
                    let first = random.Reserve 32
                    let next = random.NextBits()
                    let bits = Array.zeroCreate<uint32> 64
                    random.BitsAt(first, Span bits)

                    let halves =
                        drawn[1..32] |> Array.collect (fun number -> [| uint32 number; uint32 (number >>> 32) |])

                    Expect.equal bits halves "reserved"
                    Expect.equal next drawn[33] "the next one")
        ]
