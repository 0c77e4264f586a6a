/// Every function of one number: one table, and the tests that each of its rows goes through. Gradients, compositions and empty batches are held
/// by the law, in FusedLawTests.
module Hybrid.Tests.Rules.ElementwiseTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

type private Function =
    {
        Name: string
        /// Id of the value's equation.
        Id: string
        Double: Variable<float> -> Variable<float>
        Single: Variable<float32> -> Variable<float32>
        /// The same, composed of elementary rules.
        Composed: Variable<float> -> Variable<float>
        /// By the mathematics of the runtime, with all digits from −30 to 30.
        Formula: float -> float
        /// Where it has no derivative.
        Kinks: float list
        /// The value at −1e4 and at 1e4, and the derivative there.
        Far: (float * float) * (float * float)
        /// The derivative at 0, from the left where sides differ.
        SlopeAtZero: float
    }

/// eˣ − 1 and ln(1 + eˣ) with all digits.
let private expMinusOne x = 2.0 * sinh (x / 2.0) * exp (x / 2.0)

let private softplusOf x =
    let u = exp -(abs x)
    max x 0.0 + 2.0 * Math.Atanh(u / (2.0 + u))

/// The standard normal distribution, by another's hand.
let private probabilityOf x = 0.5 * MathNet.Numerics.SpecialFunctions.Erfc(-x / sqrt 2.0)

let private sigmoidOf x = if x > 0.0 then 1.0 / (1.0 + exp -x) else exp x / (1.0 + exp x)

let private lambda, alpha = Selu.Scale, Selu.Alpha

let private eluOf alpha x = if x > 0.0 then x else alpha * expMinusOne x
let private seluOf x = lambda * eluOf alpha x
let private hardTanhOf x = Math.Clamp(x, -1.0, 1.0)
let private hardSigmoidOf x = Math.Clamp((x + 3.0) / 6.0, 0.0, 1.0)
let private geluTanhOf x = x * sigmoidOf (2.0 * sqrt (2.0 / Math.PI) * (x + 0.044715 * x * x * x))

/// Name, id, formula and kinks; what is known at −1e4, at 1e4 and at 0; the rule; its composition.
let private rows
    ()
    : ((string * string * (float -> float) * float list) *
      ((float * float) * (float * float) * float) *
      (Variable<'T> -> Variable<'T>) *
      (Variable<'T> -> Variable<'T>)) list
    =
    let dies, grows, one = (0.0, 0.0), (1e4, 1.0), (1.0, 0.0)
    let minusOne = -1.0, 0.0

    [
        ("sigmoid", "SIG-1", sigmoidOf, []), (dies, one, 0.25), _.Sigmoid(), Sigmoid.Composed
        ("logSigmoid", "LSIG-1", (~-) >> softplusOf >> (~-), []),
        ((-1e4, 1.0), dies, 0.5),
        _.LogSigmoid(),
        LogSigmoid.Composed
        ("softplus", "SP-1", softplusOf, []), (dies, grows, 0.5), _.Softplus(), Softplus.Composed
        ("tanh", "TANH-1", Math.Tanh, []), (minusOne, one, 1.0), _.Tanh(), Tanh.Composed
        ("leakyRelu", "LREL-1", (fun x -> if x > 0.0 then x else 0.1 * x), [ 0.0 ]),
        ((-1e3, 0.1), grows, 0.1),
        _.LeakyRelu(0.1),
        (fun x -> LeakyRelu.Composed(0.1, x))
        ("elu", "ELU-1", eluOf 1.5, [ 0.0 ]), ((-1.5, 0.0), grows, 1.5), _.Elu(1.5), (fun x -> Elu.Composed(1.5, x))
        ("selu", "SELU-1", seluOf, [ 0.0 ]),
        ((-lambda * alpha, 0.0), (1e4 * lambda, lambda), lambda * alpha),
        _.Selu(),
        Selu.Composed
        ("swish", "SWI-1", (fun x -> x * sigmoidOf (1.7 * x)), []),
        (dies, grows, 0.5),
        _.Swish(1.7),
        (fun x -> Swish.Composed(1.7, x))
        ("mish", "MISH-1", (fun x -> x * Math.Tanh(softplusOf x)), []), (dies, grows, 0.6), _.Mish(), Mish.Composed
        ("geluTanh", "GELU-3", geluTanhOf, []), (dies, grows, 0.5), _.GeluTanh(), Gelu.ComposedTanh
        ("gelu", "GELU-1", (fun x -> x * probabilityOf x), []), (dies, grows, 0.5), _.Gelu(), Gelu.Composed
        ("relu", "RELU-1", max 0.0, [ 0.0 ]), (dies, grows, 0.0), _.Relu(), Relu.Composed
        ("hardTanh", "HTANH-1", hardTanhOf, [ -1.0; 1.0 ]), (minusOne, one, 1.0), _.HardTanh(), HardTanh.Composed
        ("hardSigmoid", "HSIG-1", hardSigmoidOf, [ -3.0; 3.0 ]),
        (dies, one, 1.0 / 6.0),
        _.HardSigmoid(),
        HardSigmoid.Composed
        ("hardSwish", "HSWI-1", (fun x -> x * hardSigmoidOf x), [ -3.0; 3.0 ]),
        (dies, grows, 0.5),
        _.HardSwish(),
        HardSwish.Composed
    ]

let private functions =
    List.map2
        (fun ((name, id, formula, kinks), (low, high, slope), double, composed) (_, _, single, _) ->
            {
                Name = name
                Id = id
                Double = double
                Single = single
                Composed = composed
                Formula = formula
                Kinks = kinks
                Far = low, high
                SlopeAtZero = slope
            })
        (rows ())
        (rows ())

/// True if the function falls somewhere.
let private dips f = List.contains f.Name [ "swish"; "mish"; "gelu"; "geluTanh"; "hardSwish" ]

/// The size of what stands in the function's exponentials: as many digits are lost as it has before the point, because it is rounded too.
let private exponent f (x: float) = if f.Name = "geluTanh" then 1.6 * abs x + 0.0714 * abs (x * x * x) else 2.0 * abs x

/// From far below to far above, close together, with an odd number of points so that vectors have a tail.
let private sweep = [| for i in -1500 .. 1500 -> float i / 50.0 |]

let private ones (x: Tensor<'T>) =
    Tensor<'T>.From(x.Shape, ReadOnlySpan(Array.create x.Length LanguagePrimitives.GenericOne<'T>))

let private run record (x: Tensor<_>) along =
    let y, dx = runAlong along [ x ] (fun tape x -> record tape x[0])
    floats y, floats dx[0]

let private runDouble f (x: float seq) =
    let x = tensor [ Seq.length x ] x
    run (fun _ -> f.Double) x (ones x)

let private runSingle f (x: float32 seq) =
    let x = tensor [ Seq.length x ] x
    run (fun _ -> f.Single) x (ones x)

let private forEach name (body: Function -> unit) =
    testList name [ for f in functions -> testCase f.Name (fun () -> body f) ]

[<Tests>]
let tests =
    testList
        "Rules.Elementwise"
        [
            forEach "double: 13 digits, relative to the value itself" (fun f ->
                let y, _ = runDouble f sweep

                for x, y in Array.zip sweep y do
                    let expected = f.Formula x

                    Expect.isLessThanOrEqual
                        (abs (y - expected))
                        (1e-14 * (1.0 + exponent f x) * abs expected + 1e-306)
                        $"x = {x}, {y} for {expected}"

                covers [ f.Id ])

            forEach "float: 6 digits relative to the value; the gradient as in double" (fun f ->
                let xs = Array.map float32 sweep
                let y, dx = runSingle f xs
                let _, slopes = runDouble f (Array.map float xs)
                // Where the derivative is the difference of two terms, their size counts.
                let smallest = if dips f then 0.3 else 1e-3

                for i in 0 .. xs.Length - 1 do
                    let x = float xs[i]
                    let expected = f.Formula x
                    let bound = 3e-7 * (1.0 + exponent f x)

                    Expect.isLessThanOrEqual
                        (abs (y[i] - expected))
                        (bound * abs expected + 1e-37)
                        $"x = {x}, {y[i]} for {expected}"

                    Expect.isLessThanOrEqual
                        (abs (dx[i] - slopes[i]))
                        (bound * max smallest (abs slopes[i]))
                        $"slope at {x}")

            forEach "close beside 0, and beside every kink, as composed" (fun f ->
                let x =
                    [
                        for kink in 0.0 :: f.Kinks do
                            for distance in [ 1e-3; 5e-4; 1e-5; 1e-8 ] do
                                kink - distance
                                kink + distance
                    ]

                let x = tensor [ x.Length ] x
                let y, dx = run (fun _ -> f.Double) x (ones x)
                let expected, slope = run (fun _ -> f.Composed) x (ones x)
                expectClose 1e-14 y expected "value"
                expectClose 1e-13 dx slope "gradient")

            testCase "e to the x, less 1, is right to its last digits where the difference would lose them" (fun () ->
                // Numbers that decimals hold exactly; the power series to 28 digits.
                for i in 1..511 do
                    let x = decimal i / -1024m
                    let terms = (x, seq { 2..30 }) ||> Seq.scan (fun term k -> term * x / decimal k)
                    let sum = Seq.sum terms
                    let expected = Double.Parse(string sum, Globalization.CultureInfo.InvariantCulture)
                    let value = valueOf [ tensor [ 1 ] [ float x ] ] (fun _ x -> x[0].Elu(1.0))
                    Expect.isLessThan (abs (value[0] / expected - 1.0)) 3e-16 $"double, {x}"
                    let value = valueOf [ tensor [ 1 ] [ float32 x ] ] (fun _ x -> x[0].Elu(1.0))
                    Expect.isLessThan (abs (float value[0] / expected - 1.0)) 1.8e-7 $"float, {x}")

            testCase "at 0 softplus is ln 2, and log sigmoid minus that, to the last digit" (fun () ->
                let atZero (record: Variable<float> -> Variable<float>) =
                    (valueOf [ tensor [ 1 ] [ 0.0 ] ] (fun _ x -> record x[0]))[0]

                expectNear 1.2e-16 (atZero _.Softplus()) (log 2.0) "softplus, double"
                expectNear 1.2e-16 (atZero _.LogSigmoid()) -(log 2.0) "log sigmoid, double"

                let atZero (record: Variable<float32> -> Variable<float32>) =
                    (valueOf [ tensor [ 1 ] [ 0.0f ] ] (fun _ x -> record x[0]))[0]

                expectNear 7e-8 (float (atZero _.Softplus())) (log 2.0) "softplus, float"
                expectNear 7e-8 (float (atZero _.LogSigmoid())) -(log 2.0) "log sigmoid, float")

            forEach "at -1e4 and 1e4, in both precisions" (fun f ->
                let (low, lowSlope), (high, highSlope) = f.Far

                for y, dx in [ runDouble f [ -1e4; 1e4 ]; runSingle f [ -1e4f; 1e4f ] ] do
                    expectClose 1e-6 y [| low; high |] "value"
                    expectClose 1e-6 dx [| lowSlope; highSlope |] "gradient")

            forEach "at +0 and -0: the same value and gradient" (fun f ->
                for y, dx in [ runDouble f [ 0.0; -0.0 ]; runSingle f [ 0.0f; -0.0f ] ] do
                    expectClose 1e-6 y [| f.Formula 0.0; f.Formula 0.0 |] "value"
                    expectClose 1e-6 dx [| f.SlopeAtZero; f.SlopeAtZero |] "gradient")

            forEach "denormals are small numbers: nothing becomes larger, or NaN" (fun f ->
                let zero = f.Formula 0.0

                for y, dx in
                    [
                        runDouble f [ Double.Epsilon; -Double.Epsilon; 1e-310; -1e-310 ]
                        runSingle f [ Single.Epsilon; -Single.Epsilon; 1e-40f; -1e-40f ]
                    ] do
                    if zero = 0.0 then
                        Expect.all y (fun y -> abs y <= 2e-40) "value"
                    else
                        Expect.all y (fun y -> abs (y - zero) <= 1e-7) "value"

                    Expect.all dx (fun slope -> slope >= 0.0 && slope <= 2.0) "gradient")

            forEach "NaN stays NaN, wherever it stands" (fun f ->
                for place in 0..18 do
                    let x = Array.init 19 (fun i -> if i = place then Single.NaN else 0.5f)
                    let y, _ = runSingle f x

                    for i in 0..18 do
                        Expect.equal (Double.IsNaN y[i]) (i = place) $"element {i}")

            property 25 "sigmoid(x) + sigmoid(-x) is 1, and so with the hard one" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]

                let functions: (Variable<float> -> Variable<float>) list = [ _.Sigmoid(); _.HardSigmoid() ]

                for record in functions do
                    let at x = floats (valueOf [ x ] (fun _ x -> record x[0]))
                    let sum = Array.map2 (+) (at x) (at (mapTensor (~-) x))
                    expectClose 1e-15 sum (Array.create sum.Length 1.0) "sum")

            property 25 "tanh and its hard form are odd, to the bit" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]

                let functions: (Variable<float> -> Variable<float>) list = [ _.Tanh(); _.HardTanh() ]

                for record in functions do
                    let at x = floats (valueOf [ x ] (fun _ x -> record x[0]))
                    Expect.equal (at (mapTensor (~-) x)) (Array.map (~-) (at x)) "value")

            property 25 "f(x) - f(-x) is x for softplus, swish, gelu's approximation and the hard swish" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]

                let functions: (Variable<float> -> Variable<float>) list =
                    [ _.Softplus(); _.Swish(1.3); _.GeluTanh(); _.HardSwish() ]

                for record in functions do
                    let at x = floats (valueOf [ x ] (fun _ x -> record x[0]))
                    expectClose 1e-14 (Array.map2 (-) (at x) (at (mapTensor (~-) x))) (floats x) "difference")

            property 25 "log sigmoid is minus softplus of minus x" (fun sizes ->
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y = valueOf [ x ] (fun _ x -> x[0].LogSigmoid())
                let other = valueOf [ mapTensor (~-) x ] (fun _ x -> x[0].Softplus())
                Expect.equal (floats y) (Array.map (~-) (floats other)) "value")

            property
                25
                "selu is elu with its alpha, times its scale; a leak of 1 is the identity, swish of 0 half of it"
                (fun sizes ->
                    let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]

                    let at (record: Variable<float> -> Variable<float>) =
                        floats (valueOf [ x ] (fun _ x -> record x[0]))

                    expectClose 1e-15 (at _.Selu()) (at (_.Elu(alpha)) |> Array.map ((*) lambda)) "selu"
                    Expect.equal (at _.LeakyRelu(1.0)) (floats x) "leak"
                    expectClose 1e-15 (at _.Swish(0.0)) (floats x |> Array.map ((*) 0.5)) "swish")

            property 25 "gelu's approximation is within 5e-4 of the exact form" (fun sizes ->
                let x = mapTensor ((*) 3.0) (normal sizes.Random [ sizes.Rows; sizes.Columns ])
                let at (record: Variable<float> -> Variable<float>) = floats (valueOf [ x ] (fun _ x -> record x[0]))
                expectClose 5e-4 (at _.GeluTanh()) (at _.Gelu()) "value")

            property 25 "a larger number never gives a smaller value, but for those that dip below 0" (fun sizes ->
                let x = normal sizes.Random [ 40 ]
                let sorted = tensor [ 40 ] (Array.sort (floats x))

                for f in functions do
                    if not (dips f) then
                        let y = floats (valueOf [ sorted ] (fun _ x -> f.Double x[0]))
                        Expect.all (Array.pairwise y) (fun (a, b) -> a <= b) f.Name)

            testCase "settings that are no numbers are refused" (fun () ->
                let x = tensor [ 1 ] [ 1.0 ]
                let arena = Hybrid.Memory.Arena<float>()

                for bad in [ nan; infinity; -infinity ] do
                    refusesRange [ "slope"; "finite" ] (fun () -> LeakyRelu.Forward(bad, x, arena))

                    refusesRange [ "alpha"; "finite" ] (fun () -> Elu.Forward(bad, x, arena))

                    refusesRange [ "beta"; "finite" ] (fun () -> Swish.Forward(bad, x, arena)))

            testCase "selu's constants solve the equations of its fixed point" (fun () ->
                // For z standard normal: mean and second moment of selu(z), by the trapezoidal rule, which is exact to rounding here.
                let moment power =
                    let step = 1e-3

                    Seq.sum (
                        seq {
                            for i in -12000 .. 12000 do
                                let z = float i * step
                                let y = seluOf z
                                step * Math.Pow(y, power) * exp (-z * z / 2.0) / sqrt (2.0 * Math.PI)
                        }
                    )

                expectNear 1e-7 (moment 1.0) 0.0 "mean"
                expectNear 1e-7 (moment 2.0) 1.0 "second moment")
        ]
