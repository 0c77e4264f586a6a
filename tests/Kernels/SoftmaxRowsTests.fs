module Hybrid.Tests.Kernels.SoftmaxRowsTests

open System
open Expecto
open Hybrid.Kernels

// Lengths on both sides of one and two vectors of every width.
let private lengths = [ yield! [ 1..40 ]; 63; 64; 65; 130 ]

let private factor = -0.75

let private softmax (row: float[]) =
    let scaled = row |> Array.map (fun x -> factor * x)
    let exponentials = scaled |> Array.map (fun s -> exp (s - Array.max scaled))
    exponentials |> Array.map (fun e -> e / Array.sum exponentials)

let private pullback (p: float[]) (dp: float[]) =
    let mean = Array.sum (Array.map2 (*) p dp)
    Array.map2 (fun p dp -> factor * p * (dp - mean)) p dp

/// Three rows of random numbers, and some more behind that nothing may touch.
let private numbers (random: Random) length = Array.init (3 * length + 20) (fun _ -> 8.0 * random.NextDouble() - 4.0)

let private rows length (formula: int -> float[]) (behind: float[]) =
    Array.append (Array.concat [ for i in 0..2 -> formula (i * length) ]) behind[3 * length ..]

let private close name tolerance (expected: float[]) (actual: float[]) =
    for i in 0 .. expected.Length - 1 do
        if not (abs (expected[i] - actual[i]) <= tolerance) then
            failtest $"{name}, element {i}: expected {expected[i]}, got {actual[i]}"

[<Tests>]
let tests =
    testList
        $"SoftmaxRows ({Instructions.Path})"
        [
            testCase "Forward follows its formula, in place too, and touches nothing behind the rows"
            <| fun _ ->
                let random = Random 3

                for length in lengths do
                    let x = numbers random length
                    let y = numbers random length
                    let expected = rows length (fun at -> softmax x[at .. at + length - 1])

                    let out = Array.copy y
                    SoftmaxRows.Forward<float>(length, factor, ReadOnlySpan(x, 0, 3 * length), Span out)
                    close $"doubles, length {length}" 1e-14 (expected y) out

                    let inPlace = Array.map float32 x

                    SoftmaxRows.Forward<float32>(
                        length,
                        float32 factor,
                        ReadOnlySpan(inPlace, 0, 3 * length),
                        Span inPlace
                    )

                    close $"floats in place, length {length}" 2e-6 (expected x) (Array.map float inPlace)

            testCase "Backward follows its formula, overwriting and accumulating"
            <| fun _ ->
                let random = Random 4

                for length in lengths do
                    let p, dp, dx = numbers random length, numbers random length, numbers random length

                    let expected = rows length (fun at -> pullback p[at .. at + length - 1] dp[at .. at + length - 1])

                    let out = Array.copy dp

                    SoftmaxRows.Backward<float>(
                        length,
                        factor,
                        ReadOnlySpan(p, 0, 3 * length),
                        ReadOnlySpan out,
                        Span out,
                        false
                    )

                    close $"doubles in place, length {length}" 1e-12 (expected dp) out

                    let sum = Array.map2 (+) (expected dx) (Array.append dx[.. 3 * length - 1] (Array.zeroCreate 20))

                    let p, dp, out = Array.map float32 p, Array.map float32 dp, Array.map float32 dx

                    SoftmaxRows.Backward<float32>(
                        length,
                        float32 factor,
                        ReadOnlySpan(p, 0, 3 * length),
                        ReadOnlySpan dp,
                        Span out,
                        true
                    )

                    close $"floats, accumulating, length {length}" 1e-3 sum (Array.map float out)

            testCase "NaN, infinities and far apart numbers"
            <| fun _ ->
                for length in [ 2; 17; 24; 40 ] do
                    let after first =
                        let x = Array.create length 1f
                        x[0] <- first
                        SoftmaxRows.Forward<float32>(length, 1f, ReadOnlySpan x, Span x)
                        List.ofArray x

                    for bad in [ nanf; infinityf ] do
                        Expect.all (after bad) Single.IsNaN $"{bad} makes its row NaN"

                    let huge, rest = List.head (after 1e30f), List.tail (after 1e30f)
                    Expect.equal huge 1f "a far larger number takes all"
                    Expect.all rest ((=) 0f) "and leaves nothing to the others"
                    let excluded = List.head (after -infinityf)
                    Expect.equal excluded 0f "−∞ has no share"

            testCase "rows that do not fit are refused"
            <| fun _ ->
                let x = Array.zeroCreate<float32> 10

                for length, target in [ 3, 10; 0, 10; 5, 9 ] do
                    Expect.throwsT<ArgumentException>
                        (fun () -> SoftmaxRows.Forward<float32>(length, 1f, ReadOnlySpan x, Span(x, 0, target)))
                        $"{length}, {target}"

                for dp, dx in [ 9, 10; 10, 9 ] do
                    Expect.throwsT<ArgumentException>
                        (fun () ->
                            SoftmaxRows.Backward<float32>(
                                5,
                                1f,
                                ReadOnlySpan x,
                                ReadOnlySpan(x, 0, dp),
                                Span(Array.zeroCreate dx),
                                false
                            ))
                        $"backward, {dp}, {dx}"
        ]
