module Hybrid.Tests.Layers.LayerTreeTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests.Support

/// A layer as a reader writes one.
type private Block(features: int, random: RandomStream) as this =
    inherit UnaryLayer<float>()
    let map = this.Child("map", Linear<float>(features, features, random))
    let norm = this.Child("norm", BatchNorm<float> features)
    let gain = this.Parameter("gain", Shape [| 1 |], Initialization.Ones)
    override _.Forward x = (norm.Apply(map.Apply x) * gain).Tanh()

/// Makes a part and forgets to say so.
type private Forgetful(random: RandomStream) =
    inherit UnaryLayer<float>()
    let forgotten = Linear<float>(2, 2, random)
    override _.Forward x = forgotten.Apply x

type private ForgetfulOfMany(random: RandomStream) =
    inherit UnaryLayer<float>()
    let several = [ for _ in 1..2 -> Linear<float>(2, 2, random) ]
    override _.Forward x = several |> List.fold (fun y layer -> layer.Apply y) x

type private ForgetfulOfANumber() =
    inherit UnaryLayer<float>()
    let scale = Parameter<float>("scale", zeros [ 1 ])
    override _.Forward x = x * scale

/// Gives its parts these names.
type private Names(names: string list) as this =
    inherit UnaryLayer<float>()

    do
        for name in names do
            this.Child(name, Activation<float> ActivationKind.Relu) |> ignore

    override _.Forward x = x

type private Twice(part: UnaryLayer<float>) as this =
    inherit UnaryLayer<float>()
    do this.Child("first", part) |> ignore
    do this.Child("second", part) |> ignore
    override _.Forward x = x

let private names (layer: Layer<float>) = [ for Named(name, _) in layer.Parameters -> name ]

let private applied (layer: UnaryLayer<float>) x = valueOf [ x ] (fun _ x -> layer.Apply x[0])

[<Tests>]
let tests =
    testList
        "Layers.Tree"
        [
            testCase
                "parts are registered once: paths, parameters, buffers and the count follow, however deep"
                (fun () ->
                    let block = Block(3, RandomStream 1UL)
                    Expect.equal (names block) [ "map.weight"; "map.bias"; "norm.gain"; "norm.bias"; "gain" ] "alone"
                    let model = Sequential<float>(Sequential<float>(block), Activation<float> ActivationKind.PRelu)

                    Expect.equal
                        (names model)
                        [ "0.0.map.weight"; "0.0.map.bias"; "0.0.norm.gain"; "0.0.norm.bias"; "0.0.gain"; "1.slope" ]
                        "in a model"

                    Expect.equal
                        [ for Named(name, _) in model.Buffers -> name ]
                        [ "0.0.norm.mean"; "0.0.norm.variance" ]
                        "buffers"

                    Expect.equal model.ParameterCount (int64 (9 + 3 + 3 + 3 + 1 + 1)) "count"
                    Expect.equal block.Path "0.0" "path"
                    Expect.equal [ for struct (name, _) in model.Children -> name ] [ "0"; "1" ] "children"
                    let text = model.Describe()
                    Expect.stringContains text "Sequential, 20 parameters" "the model"
                    Expect.stringContains text "0.0.map: Linear, weight [3, 3], bias [3]" "a layer")

            testCase "what is applied stands at its path" (fun () ->
                let model = Sequential<float>(Block(3, RandomStream 1UL))
                let tape = Tape<float>(training = true)
                model.Apply(tape.Input(normal (RandomStream 2UL) [ 4; 3 ])) |> ignore
                Expect.equal (tape.Find("0.map").Rule) "Linear" "a part"
                Expect.equal (tape.Find("0", "Tanh").Rule) "Tanh" "its own")

            testCase
                "a part that was not registered is refused: of a part when it is registered, else at the first use"
                (fun () ->
                    let lost (name: string) = [ name; "not registered"; "neither trained nor saved"; "Child(" ]

                    refuses<InvalidOperationException, _> (lost "forgotten of Forgetful") (fun () ->
                        Sequential<float>(Forgetful(RandomStream 1UL)))

                    refuses<InvalidOperationException, _> (lost "forgotten") (fun () ->
                        Forgetful(RandomStream 1UL).Parameters)

                    refuses<InvalidOperationException, _> (lost "forgotten") (fun () ->
                        applied (Forgetful(RandomStream 1UL)) (zeros [ 1; 2 ]))

                    refuses<InvalidOperationException, _> (lost "several") (fun () ->
                        ForgetfulOfMany(RandomStream 1UL).Buffers)

                    refuses<InvalidOperationException, _> (lost "scale") (fun () -> ForgetfulOfANumber().Parameters))

            testCase "one name for two parts, no name, and a part in two places are refused" (fun () ->
                refuses<InvalidOperationException, _> [ "cannot call a part 'a'" ] (fun () -> Names [ "a"; "b"; "a" ])
                refuses<InvalidOperationException, _> [ "cannot call a part ''" ] (fun () -> Names [ "" ])

                refuses<InvalidOperationException, _> [ "is a part already, 'first'"; "register it once" ] (fun () ->
                    Twice(Linear<float>(2, 2, RandomStream 1UL)))

                refuses<InsufficientMemoryException, _> [ "more than 10000 parts" ] (fun () ->
                    Names [ for i in 0..10000 -> string i ]))

            testCase "numbers are drawn at the first use, and are those that would have been drawn at once" (fun () ->
                let before = GC.GetAllocatedBytesForCurrentThread()
                let large = Linear<float>(10_000, 10_000, RandomStream 1UL)
                Expect.equal large.ParameterCount 100_010_000L "counted"
                Expect.equal large.Weight.Shape (shape [ 10_000; 10_000 ]) "shape"
                Expect.isLessThan (GC.GetAllocatedBytesForCurrentThread() - before) 100_000L "nothing is made"

                let drawn inOrder =
                    let random = RandomStream 3UL
                    let first = Linear<float>(3, 4, random, weights = WeightScale.He)
                    let second = Linear<float>(4, 5, random)
                    let next = random.NextUniform()

                    let order = if inOrder then [ first; second ] else [ second; first ]

                    for layer in order do
                        layer.Weight.Value |> ignore

                    floats first.Weight.Value, floats second.Weight.Value, next

                Expect.equal (drawn true) (drawn false) "in any order"
                let random = RandomStream 3UL
                let first = [| for _ in 1..12 -> random.NextNormal() * sqrt (2.0 / 3.0) |]
                let limit = sqrt (6.0 / 9.0)
                let second = [| for _ in 1..20 -> (2.0 * random.NextUniform() - 1.0) * limit |]
                Expect.equal (drawn true) (first, second, random.NextUniform()) "one after the other")

            testCase "a layer is made of given tensors too" (fun () ->
                let weight, bias = tensor [ 2; 1 ] [ 2.0; 3.0 ], tensor [ 1 ] [ 1.0 ]
                let layer = Linear<float>(weight, bias)
                Expect.equal (floats (applied layer (tensor [ 1; 2 ] [ 1.0; 10.0 ]))) [| 33.0 |] "y"
                Expect.isTrue (obj.ReferenceEquals(layer.Weight.Value, weight)) "no copy")

            testCase "a chain and a shortcut are what they say" (fun () ->
                let random = RandomStream 5UL
                let a, b = Linear<float>(3, 3, random), Linear<float>(3, 3, random)
                let x = normal random [ 2; 3 ]
                let longhand = valueOf [ x ] (fun _ x -> b.Apply(a.Apply x[0]))
                Expect.equal (floats (applied (Sequential<float>(a, b)) x)) (floats longhand) "a chain"
                let body, shortcut = Linear<float>(3, 2, random), Linear<float>(3, 2, random)
                let sum = valueOf [ x ] (fun _ x -> body.Apply x[0] + shortcut.Apply x[0])
                let residual = Residual<float>(body, shortcut)
                Expect.equal (floats (applied residual x)) (floats sum) "with a map"
                Expect.equal (names residual).Head "body.weight" "names"
                let body = Linear<float>(3, 3, random)
                let sum = valueOf [ x ] (fun _ x -> body.Apply x[0] + x[0])
                Expect.equal (floats (applied (Residual<float> body) x)) (floats sum) "with x itself")

            testCase "an embedding multiplies only where it is asked to" (fun () ->
                let plain = Embedding<float>(5, 4, RandomStream 3UL)
                let tape = Tape<float>()
                let y = plain.Apply(tape, [| 0..4 |], shape [ 5 ])
                Expect.equal (floats y.Value) (floats plain.Table.Value) "rows as they are")

            testCase "a feed-forward layer takes any activation, a gate too" (fun () ->
                for kind in Enum.GetValues<ActivationKind>() do
                    let layer = FeedForward<float>(4, 6, RandomStream 5UL, kind)
                    let x = normal (RandomStream 6UL) [ 2; 3; 4 ]
                    let p = [ for Named(_, value) in layer.Parameters -> value ]

                    let longhand (x: Variable<float>[]) =
                        match kind with
                        | ActivationKind.Glu -> x[0].Linear(x[1], x[2]).Glu(x[0].Linear(x[3], x[4])).Linear(x[5], x[6])
                        | ActivationKind.GeGlu ->
                            x[0].Linear(x[1], x[2]).GeGlu(x[0].Linear(x[3], x[4])).Linear(x[5], x[6])
                        | ActivationKind.SwiGlu ->
                            x[0].Linear(x[1], x[2]).SwiGlu(x[0].Linear(x[3], x[4])).Linear(x[5], x[6])
                        | ActivationKind.PRelu -> x[0].Linear(x[1], x[2]).PRelu(x[3]).Linear(x[4], x[5])
                        | _ -> Activation<float>(kind).Apply(x[0].Linear(x[1], x[2])).Linear(x[3], x[4])

                    expectClose
                        1e-12
                        (floats (applied layer x))
                        (floats (valueOf (x :: p) (fun _ -> longhand)))
                        $"{kind}")

            testCase "what queries and keys go through behind their projections knows where they stand" (fun () ->
                let told = ResizeArray<int list * int>()

                let hook (x: Variable<float>) first =
                    told.Add((List.ofArray (x.Shape.ToArray()), first))
                    2.0 * x

                let attention hook =
                    MultiHeadAttention<float>(4, 2, RandomStream 1UL, scaled = true, onProjected = hook)

                let x = normal (RandomStream 2UL) [ 2; 3; 4 ]

                let attend (layer: MultiHeadAttention<float>) =
                    valueOf [ x ] (fun _ x -> layer.Apply(x[0], x[0], AttentionMask.None))

                let y = attend (attention (Func<_, _, _> hook))
                Expect.equal (List.ofSeq told) [ [ 2; 3; 4 ], 0; [ 2; 3; 4 ], 0 ] "queries, then keys"
                let plain = attention null

                for Named(name, value) in plain.Parameters do
                    if name.StartsWith "query" || name.StartsWith "key" then
                        for i in 0 .. value.Length - 1 do
                            value.Span[i] <- 2.0 * value.Span[i]

                expectClose 1e-12 (floats y) (floats (attend plain)) "twice the projection")

            testCase "a model that does not fit into memory is refused while it is described" (fun () ->
                refuses<InsufficientMemoryException, _> [ "parameters, with their gradients" ] (fun () ->
                    Sequential<float>(
                        [| for _ in 1..5000 -> Linear<float>(30_000, 30_000, RandomStream 1UL) :> UnaryLayer<float> |]
                    )))
        ]
