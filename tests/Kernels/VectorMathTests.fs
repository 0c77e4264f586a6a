module Hybrid.Tests.Kernels.VectorMathTests

open System
open Expecto
open FsCheck
open Hybrid.Kernels

// Lengths that meet every tail of every vector width, with and without full vectors and groups of four before it.
let private lengths = [ yield! [ 0..70 ]; 127; 128; 129; 255; 1000 ]

/// Rows of random numbers, with one element in front and some behind that no loop may touch.
let private row (random: Random) length =
    Array.init (length + 40) (fun _ -> 4.0 * random.NextDouble() - 2.0)

let private near name tolerance (expected: float) (actual: float) =
    if not (abs (expected - actual) <= tolerance) then
        failtest $"{name}: expected {expected}, got {actual}"

/// Runs a map on float and double rows at an odd offset, and compares every element, and those outside, with a formula.
let private checkMap name (formula: float -> float -> float -> float) single double =
    let random = Random 1

    for length in lengths do
        let x, y, z = row random length, row random length, row random length

        let compare epsilon (x: float[]) (y: float[]) (z: float[]) (result: float[]) =
            for i in 0 .. result.Length - 1 do
                let inside = i > 0 && i <= length
                let expected = if inside then formula x[i] y[i] z[i] else z[i]
                near $"{name}, length {length}, element {i}" (if inside then epsilon * 16.0 else 0.0) expected result[i]

        let result = Array.copy z
        double length x y result
        compare 2.3e-16 x y z result

        let x, y, z = Array.map float32 x, Array.map float32 y, Array.map float32 z
        let result = Array.copy z
        single length x y result
        compare 1.2e-7 (Array.map float x) (Array.map float y) (Array.map float z) (Array.map float result)

let private bothReductions name (formula: float list -> float list -> float) single double =
    let random = Random 2

    for length in lengths do
        let x, y = row random length, row random length
        let inside (row: float[]) = List.ofArray row[1..length]
        let tolerance = float (length + 1) * 100.0
        near $"{name} of {length} doubles" (tolerance * 2.3e-16) (formula (inside x) (inside y)) (double length x y)
        let x, y = Array.map float32 x, Array.map float32 y
        let expected = formula (inside (Array.map float x)) (inside (Array.map float y))
        near $"{name} of {length} floats" (tolerance * 1.2e-7) expected (float (single length x y))

let private f length (row: float32[]) = ReadOnlySpan<float32>(row, 1, length)
let private d length (row: float[]) = ReadOnlySpan<float>(row, 1, length)
let private toF length (row: float32[]) = Span<float32>(row, 1, length)
let private toD length (row: float[]) = Span<float>(row, 1, length)

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
    testList $"VectorMath ({Instructions.Path})" [
        testCase "Sum adds up a row of any length"
        <| fun _ ->
            bothReductions "Sum" (fun x _ -> List.sum x)
                (fun n x _ -> VectorMath.Sum<float32>(f n x)) (fun n x _ -> VectorMath.Sum<float>(d n x))

        testCase "Dot adds up the products of two rows"
        <| fun _ ->
            bothReductions "Dot" (List.fold2 (fun sum x y -> sum + x * y) 0.0)
                (fun n x y -> VectorMath.Dot<float32>(f n x, f n y)) (fun n x y -> VectorMath.Dot<float>(d n x, d n y))

        testCase "SumOfSquares measures from its center, and the lanes behind the end add nothing"
        <| fun _ ->
            bothReductions "SumOfSquares" (fun x _ -> x |> List.sumBy (fun x -> (x - 3.0) * (x - 3.0)))
                (fun n x _ -> VectorMath.SumOfSquares<float32>(f n x, 3f)) (fun n x _ -> VectorMath.SumOfSquares<float>(d n x, 3.0))

        testCase "Max finds the largest element, also of a row below zero"
        <| fun _ ->
            for length in List.filter (fun length -> length > 0) lengths do
                for at in [ 0; length / 2; length - 1 ] do
                    let x = Array.init length (fun i -> if i = at then -1.0 else -2.0)
                    Expect.equal (VectorMath.Max<float>(ReadOnlySpan x)) -1.0 $"{at} of {length} doubles"
                    Expect.equal (VectorMath.Max<float32>(ReadOnlySpan(Array.map float32 x))) -1f $"{at} of {length} floats"

        testCase "Max of an empty row is -infinity"
        <| fun _ ->
            Expect.equal (VectorMath.Max<float32>(ReadOnlySpan<float32>())) -infinityf "float"
            Expect.equal (VectorMath.Max<float>(ReadOnlySpan<float>())) -infinity "double"

        testCase "one NaN anywhere makes Max NaN and AllFinite false, one infinity makes AllFinite false"
        <| fun _ ->
            for length in [ 1; 5; 16; 43; 64; 70; 200 ] do
                for at in 0 .. length - 1 do
                    let x value = Array.init length (fun i -> if i = at then value else 3e38)
                    let single value = Array.map float32 (x value)
                    Expect.isTrue (Double.IsNaN(VectorMath.Max<float>(ReadOnlySpan(x nan)))) $"{at} of {length} doubles"
                    Expect.isTrue (Single.IsNaN(VectorMath.Max<float32>(ReadOnlySpan(single nan)))) $"{at} of {length} floats"

                    for value in [ nan; infinity; -infinity ] do
                        Expect.isFalse (VectorMath.AllFinite<float>(ReadOnlySpan(x value))) $"{value} at {at} of {length} doubles"
                        Expect.isFalse (VectorMath.AllFinite<float32>(ReadOnlySpan(single value))) $"{value} at {at} of {length} floats"

        testCase "huge, tiny and negative rows are finite"
        <| fun _ ->
            for length in lengths do
                for value in [ 3e38; -3e38; 1e-40; -0.0 ] do
                    Expect.isTrue (VectorMath.AllFinite<float>(ReadOnlySpan(Array.create length value))) "double"
                    Expect.isTrue (VectorMath.AllFinite<float32>(ReadOnlySpan(Array.create length (float32 value)))) "float"

        testCase "Add in place and out of place"
        <| fun _ ->
            checkMap "Add in place" (fun x _ z -> x + z)
                (fun n x _ z -> VectorMath.Add<float32>(f n x, toF n z)) (fun n x _ z -> VectorMath.Add<float>(d n x, toD n z))

            checkMap "Add" (fun x y _ -> x + y)
                (fun n x y z -> VectorMath.Add<float32>(f n x, f n y, toF n z)) (fun n x y z -> VectorMath.Add<float>(d n x, d n y, toD n z))

        testCase "AddScaled adds a multiple of a row"
        <| fun _ ->
            checkMap "AddScaled" (fun x _ z -> z + 0.5 * x)
                (fun n x _ z -> VectorMath.AddScaled<float32>(0.5f, f n x, toF n z))
                (fun n x _ z -> VectorMath.AddScaled<float>(0.5, d n x, toD n z))

        testCase "Scale, and in place too"
        <| fun _ ->
            checkMap "Scale" (fun x _ _ -> 0.25 * x)
                (fun n x _ z -> VectorMath.Scale<float32>(0.25f, f n x, toF n z)) (fun n x _ z -> VectorMath.Scale<float>(0.25, d n x, toD n z))

            checkMap "Scale in place" (fun _ _ z -> 0.25 * z)
                (fun n _ _ z -> VectorMath.Scale<float32>(0.25f, f n z, toF n z)) (fun n _ _ z -> VectorMath.Scale<float>(0.25, d n z, toD n z))

        testCase "ShiftAndScale subtracts first"
        <| fun _ ->
            checkMap "ShiftAndScale" (fun x _ _ -> (x - 1.5) * 2.0)
                (fun n x _ z -> VectorMath.ShiftAndScale<float32>(f n x, 1.5f, 2f, toF n z))
                (fun n x _ z -> VectorMath.ShiftAndScale<float>(d n x, 1.5, 2.0, toD n z))

        testCase "Multiply, and in place too"
        <| fun _ ->
            checkMap "Multiply" (fun x y _ -> x * y)
                (fun n x y z -> VectorMath.Multiply<float32>(f n x, f n y, toF n z))
                (fun n x y z -> VectorMath.Multiply<float>(d n x, d n y, toD n z))

            checkMap "Multiply in place" (fun x _ z -> x * z)
                (fun n x _ z -> VectorMath.Multiply<float32>(f n x, f n z, toF n z))
                (fun n x _ z -> VectorMath.Multiply<float>(d n x, d n z, toD n z))

        testCase "MultiplyAdd adds the products"
        <| fun _ ->
            checkMap "MultiplyAdd" (fun x y z -> z + x * y)
                (fun n x y z -> VectorMath.MultiplyAdd<float32>(f n x, f n y, toF n z))
                (fun n x y z -> VectorMath.MultiplyAdd<float>(d n x, d n y, toD n z))

        testCase "Relu keeps what is positive"
        <| fun _ ->
            checkMap "Relu" (fun x _ _ -> max x 0.0)
                (fun n x _ z -> VectorMath.Relu<float32>(f n x, toF n z)) (fun n x _ z -> VectorMath.Relu<float>(d n x, toD n z))

        testCase "Relu of NaN is NaN, of infinities infinity and 0"
        <| fun _ ->
            for length in [ 1; 16; 19 ] do
                let apply (value: float32) =
                    let y = Array.zeroCreate<float32> length
                    VectorMath.Relu<float32>(ReadOnlySpan(Array.create length value), Span y)
                    y

                Expect.all (apply nanf) Single.IsNaN "NaN"
                Expect.all (apply infinityf) Single.IsPositiveInfinity "infinity"
                Expect.all (apply -infinityf) (fun y -> y = 0f) "-infinity"

        testCase "AddWherePositive adds nothing at 0, below, and where x is NaN"
        <| fun _ ->
            checkMap "AddWherePositive" (fun x y z -> if x > 0.0 then z + y else z)
                (fun n x y z -> VectorMath.AddWherePositive<float32>(f n x, f n y, toF n z))
                (fun n x y z -> VectorMath.AddWherePositive<float>(d n x, d n y, toD n z))

            for x in [ 0f; -0f; nanf; -infinityf ] do
                let dx = Array.create 19 7f
                VectorMath.AddWherePositive<float32>(ReadOnlySpan(Array.create 19 x), ReadOnlySpan(Array.create 19 nanf), Span dx)
                Expect.equal dx (Array.create 19 7f) $"x = {x}"

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
                for x in [ -87.34f; -88f; -100f; -1e4f; -3e38f; -infinityf ] do Expect.equal (single x) 0f $"exp {x}"
                for x in [ -708.4; -745.0; -1e5; -1e300; -infinity ] do Expect.equal (double x) 0.0 $"exp {x}"
                for x in [ 88.73f; 100f; 1e4f; 3e38f; infinityf ] do Expect.equal (single x) infinityf $"exp {x}"
                for x in [ 709.79; 1e5; 1e300; infinity ] do Expect.equal (double x) infinity $"exp {x}"
                for bits in [ 0x7FC00000; 0x7F800001; 0x7FFFFFFF; 0xFFC12345 ] do
                    Expect.isTrue (Single.IsNaN(single (BitConverter.Int32BitsToSingle bits))) $"NaN {bits:X}"
                Expect.isTrue (Double.IsNaN(double nan)) "NaN"

            // Every float next to the ends: the answer is a normal number or 0 or infinity, never in between.
            for first in [ -87.3365f; 88.7228f ] do
                let x = Array.init 20 (fun i -> BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits first + i))
                for y in fst (exps x 0f) do Expect.isFalse (Single.IsSubnormal y || Single.IsNaN y || y < 0f) $"{y}"

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

        testCase "a row shorter than x is refused"
        <| fun _ ->
            Expect.throwsT<ArgumentException>
                (fun () -> VectorMath.Add<float32>(ReadOnlySpan(Array.zeroCreate<float32> 3), Span(Array.zeroCreate<float32> 2)))
                "y is short"
    ]
