module Hybrid.Tests.Kernels.ExponentialTests

open System
open Expecto
open FsCheck
open Hybrid.Kernels

let private near name tolerance (expected: float) (actual: float) =
    if not (abs (expected - actual) <= tolerance) then
        failtest $"{name}: expected {expected}, got {actual}"

let private exps (x: float32[]) shift =
    let y = Array.zeroCreate<float32> x.Length
    let sum = VectorMath.ExpAndSum<float32>(ReadOnlySpan x, shift, Span y)
    y, sum

let private doubleExps (x: float[]) shift =
    let y = Array.zeroCreate<float> x.Length
    let sum = VectorMath.ExpAndSum<float>(ReadOnlySpan x, shift, Span y)
    y, sum

[<Tests>]
let tests =
    testList
        $"ExpAndSum ({Instructions.Path})"
        [
            testCase "exp of floats is within 2e-7 all over its range"
            <| fun _ ->
                let x = Array.init 400_001 (fun i -> float32 (-87.3 + 176.0 * float i / 400_000.0))
                let y, _ = exps x 0f

                for i in 0 .. x.Length - 1 do
                    let expected = exp (float x[i])
                    near $"exp {x[i]}" (2e-7 * expected) expected (float y[i])

            testCase "exp of doubles is within 5e-16 all over its range"
            <| fun _ ->
                let x = Array.init 400_001 (fun i -> -708.0 + 1417.0 * float i / 400_000.0)
                let y, _ = doubleExps x 0.0

                for i in 0 .. x.Length - 1 do
                    let expected = exp x[i]
                    near $"exp {x[i]}" (5e-16 * expected) expected y[i]

            testCase "exp at its ends: exact at 0, no denormals, infinity above, NaN stays"
            <| fun _ ->
                for length in [ 1; 16; 35 ] do
                    let single x = (fst (exps (Array.create length x) 0f))[length - 1]
                    let double x = (fst (doubleExps (Array.create length x) 0.0))[length - 1]
                    Expect.equal (single 0f) 1f "exp 0"
                    Expect.equal (double 0.0) 1.0 "exp 0"

                    for x in [ -87.34f; -88f; -100f; -1e4f; -3e38f; -infinityf ] do
                        Expect.equal (single x) 0f $"exp {x}"

                    for x in [ -708.4; -745.0; -1e5; -1e300; -infinity ] do
                        Expect.equal (double x) 0.0 $"exp {x}"

                    for x in [ 88.73f; 100f; 1e4f; 3e38f; infinityf ] do
                        Expect.equal (single x) infinityf $"exp {x}"

                    for x in [ 709.79; 1e5; 1e300; infinity ] do
                        Expect.equal (double x) infinity $"exp {x}"

                    for bits in [ 0x7FC00000; 0x7F800001; 0x7FFFFFFF; 0xFFC12345 ] do
                        Expect.isTrue (Single.IsNaN(single (BitConverter.Int32BitsToSingle bits))) $"NaN {bits:X}"

                    Expect.isTrue (Double.IsNaN(double nan)) "NaN"

                // Every float next to the ends: the answer is a normal number or 0 or infinity, never in between.
                for first in [ -87.3365f; 88.7228f ] do
                    let x =
                        Array.init 20 (fun i ->
                            BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits first + i))

                    for y in fst (exps x 0f) do
                        Expect.isFalse (Single.IsSubnormal y || Single.IsNaN y || y < 0f) $"{y}"

            testProperty "ExpAndSum returns the sum of what it wrote, shifted, also in place"
            <| fun (NonNegativeInt length) (seed: int) ->
                let random = Random seed
                let x = Array.init length (fun _ -> float32 (10.0 * random.NextDouble()))
                let y, sum = exps x 8f
                let expected = x |> Array.sumBy (fun x -> exp (float x - 8.0))
                near $"sum of {length}" (4e-7 * expected * float (length + 1)) expected (float sum)
                let inPlace = Array.copy x
                let again = VectorMath.ExpAndSum<float32>(ReadOnlySpan inPlace, 8f, Span inPlace)
                Expect.equal (again, inPlace) (sum, y) "in place"

            testCase "a fully masked row of -infinities, shifted by 0, sums to 0"
            <| fun _ -> Expect.equal (exps (Array.create 43 -infinityf) 0f) (Array.zeroCreate 43, 0f) "zeros"
        ]
