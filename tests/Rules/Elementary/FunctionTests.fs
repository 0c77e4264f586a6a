/// Exp, Log, Square, Sqrt, Abs, Power, NormalCdf and Clamp: functions of one number.
module Hybrid.Tests.Rules.Elementary.FunctionTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Rules.Elementary.ElementaryLaw

/// Each rule, where it is asked, and what others say that it and its slope are.
let private functions: (string * (Variable<float> -> Variable<float>) * _ * _ * (float -> float) * string list) list =
    [
        "Exp", _.Exp(), any, exp, exp, [ "EXP-1"; "EXP-2" ]
        "Log", _.Log(), positive, log, (fun x -> 1.0 / x), [ "LOG-1"; "LOG-2" ]
        "Square", _.Square(), any, (fun x -> x * x), (fun x -> 2.0 * x), [ "SQR-1"; "SQR-2" ]
        "Sqrt", _.Sqrt(), positive, sqrt, (fun x -> 0.5 / sqrt x), [ "SQRT-1"; "SQRT-2" ]
        "Abs", _.Abs(), away, abs, (fun x -> float (sign x)), [ "ABS-1"; "ABS-2" ]
        for p in [ 3.0; 2.0; 1.0; 0.0; -1.0 ] do
            let slope x = if p = 0.0 then 0.0 else p * Math.Pow(x, p - 1.0)
            $"Power, {p}", _.Power(p), away, (fun x -> Math.Pow(x, p)), slope, [ "POW-1"; "POW-2" ]
        for p in [ 0.5; 1.7; -0.5 ] do
            let slope x = p * Math.Pow(x, p - 1.0)
            let name = $"Power, {p} of positive numbers"
            name, _.Power(p), positive, (fun x -> Math.Pow(x, p)), slope, [ "POW-1"; "POW-2" ]
        let probability x = 0.5 * MathNet.Numerics.SpecialFunctions.Erfc(-x / sqrt 2.0)
        let density x = exp (-0.5 * x * x) / sqrt (2.0 * Math.PI)
        "NormalCdf", _.NormalCdf(), any, probability, density, [ "PHI-1"; "PHI-2" ]
        let isInside x = x >= -0.51 && x <= 0.29
        let clamped x = max -0.51 (min 0.29 x)
        let slope x = if isInside x then 1.0 else 0.0
        "Clamp", _.Clamp(-0.51, 0.29), spread, clamped, slope, [ "CLAMP-1"; "CLAMP-2" ]
    ]

/// The value at some numbers, and the gradient along a cotangent of ones.
let private at (record: Variable<'T> -> Variable<'T>) (x: 'T list) =
    let ones = tensor [ x.Length ] (List.map (fun _ -> 'T.One) x)
    let y, dx = runAlong ones [ tensor [ x.Length ] x ] (fun _ x -> record x[0])
    floats y, floats dx[0]

let private wide (random: RandomStream) count =
    Array.init count (fun _ -> exp (80.0 * (random.NextUniform() * 2.0 - 1.0)))

/// ln x to some thirty digits: decimals near 1, the runtime's elsewhere.
let private logOf (x: float) =
    if abs (x - 1.0) > 0.01 then
        log x
    else
        // 2 artanh(s), s = (x - 1) / (x + 1), in decimals, which hold x exactly as far as it goes.
        let z = x - 1.0
        let s = z / (2.0 + z)
        Seq.sum (seq { for k in 15..-1..0 -> 2.0 * Math.Pow(s, float (2 * k + 1)) / float (2 * k + 1) })

[<Tests>]
let tests =
    testList
        "Rules.ElementaryFunctions"
        [
            for name, record, draw, formula, slope, ids in functions do
                property 15 $"{name}: value and slope are those of the formula" (fun sizes ->
                    let x = draw sizes
                    let ones = mapTensor (fun _ -> 1.0) x
                    let y, dx = runAlong ones [ x ] (fun _ x -> record x[0])
                    expectClose 1e-14 (floats y) (floats (mapTensor formula x)) "value"
                    expectClose 1e-14 (floats dx[0]) (floats (mapTensor slope x)) "slope"
                    covers ids)

            testCase "log is right to 2e-7 in float and 1e-15 in double, close to 1 and far from it" (fun () ->
                let random = RandomStream 3UL

                let near = Array.init 4000 (fun i -> 1.0 + random.NextNormal() * Math.Pow(10.0, float (-(i % 12) - 1)))

                for x in [ wide random 4000; Array.filter (fun x -> x > 0.0) near ] do
                    let y = floats (valueOf [ tensor [ x.Length ] x ] (fun _ x -> x[0].Log()))
                    let singles = Array.map float32 x
                    let y' = floats (valueOf [ tensor [ x.Length ] singles ] (fun _ x -> x[0].Log()))

                    for i in 0 .. x.Length - 1 do
                        let expected = logOf x[i]
                        Expect.isLessThanOrEqual (abs (y[i] - expected)) (1e-15 * abs expected) $"ln {x[i]}, double"
                        let expected = logOf (float singles[i])
                        Expect.isLessThanOrEqual (abs (y'[i] - expected)) (2e-7 * abs expected) $"ln {x[i]}, float")

            testCase "log, sqrt and power at 0, below it, at infinity, at denormals and at NaN" (fun () ->
                let x = [ 0.0; -1.0; infinity; Double.Epsilon; nan ]
                let single = [ 0f; -1f; Single.PositiveInfinity; Single.Epsilon; Single.NaN ]

                let logs, roots =
                    [ -infinity; nan; infinity; log Double.Epsilon; nan ],
                    [ 0.0; nan; infinity; sqrt Double.Epsilon; nan ]

                let expectSame (actual: float[]) (expected: float list) message =
                    for a, e in Seq.zip actual expected do
                        Expect.isTrue
                            (a = e || abs (a - e) < 1e-6 * abs e || (Double.IsNaN a && Double.IsNaN e))
                            $"{message}: {a}, expected {e}"

                expectSame (fst (at (fun x -> x.Log()) x)) logs "log, double"
                expectSame (fst (at (fun x -> x.Sqrt()) x)) roots "sqrt, double"
                expectSame (fst (at (fun x -> x.Power 0.5) x)) roots "power, double"

                let logs, roots =
                    [ -infinity; nan; infinity; log 1.401298464324817e-45; nan ],
                    [ 0.0; nan; infinity; 3.7433921e-23; nan ]

                expectSame (fst (at (fun x -> x.Log()) single)) logs "log, float"
                expectSame (fst (at (fun x -> x.Sqrt()) single)) roots "sqrt, float"
                expectSame (fst (at (fun x -> x.Power 0.5) single)) roots "power, float")

            testCase
                "at 0 the slope of the root is infinite, those of the absolute value and of the power 0 are 0"
                (fun () ->
                    Expect.equal (snd (at (fun x -> x.Sqrt()) [ 0.0 ])) [| infinity |] "root"
                    Expect.equal (snd (at (fun x -> x.Log()) [ 0.0 ])) [| infinity |] "log"
                    Expect.equal (snd (at (fun x -> x.Abs()) [ 0.0; -0.0 ])) [| 0.0; 0.0 |] "absolute value"
                    Expect.equal (at (fun x -> x.Power 0.0) [ 0.0 ]) ([| 1.0 |], [| 0.0 |]) "power 0"
                    Expect.equal (at (fun x -> x.Power 1.0) [ 0.0 ]) ([| 0.0 |], [| 1.0 |]) "power 1"
                    let _, dx = runAlong (zeros<float> [ 1 ]) [ zeros [ 1 ] ] (fun _ x -> x[0].Sqrt())
                    Expect.isTrue (Double.IsNaN dx[0].Span[0]) "infinity times 0")

            testCase "next to 0 the slope of the absolute value is 1 or -1, in both precisions" (fun () ->
                let slopes = [| 1.0; -1.0; 1.0; -1.0 |]

                Expect.equal
                    (snd (at (fun x -> x.Abs()) [ 1e-5; -1e-5; Double.Epsilon; -Double.Epsilon ]))
                    slopes
                    "double"

                Expect.equal
                    (snd (at (fun x -> x.Abs()) [ 1e-5f; -1e-5f; Single.Epsilon; -Single.Epsilon ]))
                    slopes
                    "float")

            testCase "on its bounds a clamp passes the gradient, beyond them it does not, in both precisions" (fun () ->
                let y, dx = at (fun x -> x.Clamp(-1.0, 0.1)) [ -1.0; 0.1; -1.1; 0.2; 0.0 ]
                Expect.equal (y, dx) ([| -1.0; 0.1; -1.0; 0.1; 0.0 |], [| 1.0; 1.0; 0.0; 0.0; 1.0 |]) "double"
                let _, dx = at (fun x -> x.Clamp(-1.0, 0.1)) [ -1f; 0.1f; -1.1f; 0.2f; 0f ]
                Expect.equal dx [| 1.0; 1.0; 0.0; 0.0; 1.0 |] "float"
                let y, _ = at (fun x -> x.Clamp(-infinity, 3.0)) [ -1e300; 5.0 ]
                Expect.equal y [| -1e300; 3.0 |] "one bound alone")

            testCase "NaN stays NaN, wherever it stands, also to the power of 0" (fun () ->
                for record in
                    [
                        (fun (x: Variable<float32>) -> x.Exp())
                        (fun x -> x.Log())
                        (fun x -> x.Square())
                        (fun x -> x.Sqrt())
                        (fun x -> x.Abs())
                        (fun x -> x.Power 2.5)
                        (fun x -> x.Power 0.0)
                        (fun x -> x.Clamp(0.0, 1.0))
                    ] do
                    for place in [ 0; 15; 16; 18 ] do
                        let y, _ = at record [ for i in 0..18 -> if i = place then Single.NaN else 0.5f ]

                        Expect.equal
                            [
                                for i in 0..18 do
                                    if Double.IsNaN y[i] then
                                        i
                            ]
                            [ place ]
                            "places")

            property 25 "e to the ln x is x, ln of e to the x is x" (fun sizes ->
                let x = positive sizes
                expectClose 1e-14 (floats (valueOf [ x ] (fun _ x -> x[0].Log().Exp()))) (floats x) "exp of log"
                expectClose 1e-14 (floats (valueOf [ x ] (fun _ x -> x[0].Exp().Log()))) (floats x) "log of exp")

            property 25 "a root squared is x; the root of a square is |x|; powers agree with them" (fun sizes ->
                let x, p = away sizes, positive sizes
                let value x f = floats (valueOf [ x ] (fun _ (x: Variable<_>[]) -> f x[0]))
                expectClose 1e-15 (value p (fun x -> x.Sqrt().Square())) (floats p) "square of root"
                expectClose 1e-15 (value x (fun x -> x.Square().Sqrt())) (value x (fun x -> x.Abs())) "root of square"
                expectClose 1e-15 (value x (fun x -> x.Power 2.0)) (value x (fun x -> x.Square())) "power 2"
                expectClose 1e-15 (value p (fun x -> x.Power 0.5)) (value p (fun x -> x.Sqrt())) "power 1/2"
                Expect.equal (value x (fun x -> x.Power 1.0)) (floats x) "power 1"
                Expect.equal (value x (fun x -> x * x)) (value x (fun x -> x.Square())) "product")

            testCase
                "exp and sqrt keep their value, so x may change between the passes; the others read it again"
                (fun () ->
                    let change (record: Variable<float> -> Variable<float>) () =
                        let tape = Tape<float>()
                        let x = tensor [ 1 ] [ 4.0 ]
                        let y = record (tape.Input x)
                        x.Span[0] <- 100.0
                        x.MarkChanged()
                        tape.Backward(y)
                        (floats (gradientOf y.Inputs[0]))[0]

                    expectNear 1e-14 (change (fun x -> x.Exp()) ()) (exp 4.0) "exp"
                    Expect.equal (change (fun x -> x.Sqrt()) ()) 0.25 "sqrt"

                    for record in
                        [
                            (fun (x: Variable<float>) -> x.Log())
                            (fun x -> x.Square())
                            (fun x -> x.Abs())
                            (fun x -> x.Power 3.0)
                            (fun x -> x.Clamp(0.0, 1.0))
                        ] do
                        refuses<InvalidOperationException, _> [ "was changed after" ] (change record))

            testCase "exponents and bounds that are no numbers are refused" (fun () ->
                let x, arena = zeros<float> [ 2 ], Arena()

                for p in [ nan; infinity; -infinity ] do
                    refusesRange [ "exponent"; "finite" ] (fun () -> Power.Forward(p, x, arena))

                for low, high in [ nan, 1.0; 0.0, nan; 2.0, 1.0 ] do
                    refuses<ArgumentException, _> [ "low at most high"; string low; string high ] (fun () ->
                        Clamp.Forward(low, high, x, arena)))
        ]
