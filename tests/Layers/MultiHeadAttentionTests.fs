module Hybrid.Tests.Layers.MultiHeadAttentionTests

open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private makeWith keySize features heads withBias scaled seed =
    let keySize = Option.toNullable keySize
    let layer = MultiHeadAttention<float>(features, heads, RandomStream seed, keySize, withBias, scaled)

    // Biases start at zero, which would hide a bias that is left out.
    for parameter in layer.Parameters do
        if parameter.Name.EndsWith "bias" then
            floats (normal (RandomStream(seed + 1UL)) [ parameter.Value.Length ])
            |> Array.iteri (fun i value -> parameter.Value[i] <- value)

    layer

let private make features = makeWith None features

let private apply (layer: MultiHeadAttention<float>) mask (queries: Tensor<float>) (memory: Tensor<float>) =
    let tape = Tape<float>()
    let output = layer.Apply(tape.Input queries, tape.Input memory, mask)
    output.Value.ToPersistent(), tape.Find("", "Attention").Value.ToPersistent()

/// One sequence, head after head, position after position, on plain arrays.
let private longhand (layer: MultiHeadAttention<float>) heads scale (queries: float[][]) (memory: float[][]) =
    let values = layer.Parameters |> Seq.map (fun p -> p.Name, rowsOf p.Value) |> Map.ofSeq
    let dot a b = Array.map2 (*) a b |> Array.sum

    let project role (x: float[]) =
        let product = values[$"{role}.weight"] |> Array.transpose |> Array.map (dot x)

        match values.TryFind $"{role}.bias" with
        | Some bias -> Array.map2 (+) product bias[0]
        | None -> product

    let q, k, v =
        Array.map (project "query") queries, Array.map (project "key") memory, Array.map (project "value") memory

    let slice head (x: float[]) = (Array.splitInto heads x)[head]

    let attend (q: float[]) head =
        let powers = k |> Array.map (fun k -> exp (scale * dot (slice head q) (slice head k)))
        let weighted = Array.map2 (fun power v -> slice head v |> Array.map ((*) (power / Array.sum powers))) powers v
        Array.reduce (Array.map2 (+)) weighted

    q |> Array.map (fun q -> Array.init heads (attend q) |> Array.concat |> project "output")

[<Tests>]
let tests =
    testList
        "Layers.MultiHeadAttention"
        [
            property 20 "equals a loop over the heads, longhand" (fun sizes ->
                let random = sizes.Random
                let heads = 1 + random.NextBelow 3
                let features = heads * (1 + random.NextBelow 3)
                let withBias, scaled = random.NextBelow 2 = 0, random.NextBelow 2 = 0
                let keySize = if random.NextBelow 2 = 0 then None else Some(1 + random.NextBelow 4)
                let layer = makeWith keySize features heads withBias scaled (uint64 sizes.Seed)

                let queries, memory =
                    normal random [ 1; sizes.Rows; features ], normal random [ 1; sizes.Columns; features ]

                let scale = if scaled then 1.0 / sqrt (float (defaultArg keySize (features / heads))) else 1.0
                let y, _ = apply layer AttentionMask.None queries memory

                expectClose
                    1e-12
                    (floats y)
                    (longhand layer heads scale (rowsOf queries) (rowsOf memory) |> Array.concat)
                    "output")

            property 10 "the gradient agrees with central differences, all projections included" (fun sizes ->
                let random = sizes.Random
                let layer = make 4 2 (sizes.Rows % 2 = 0) true (uint64 sizes.Seed)
                let x = normal random [ 1; sizes.Rows; 4 ]

                let record _ (x: Variable<float>[]) = layer.Apply(x[0], x[0], AttentionMask.Causal)

                Gradients.expectGradient "MultiHeadAttention (layer)" random [ x ] (List.ofSeq layer.Parameters) record)

            testCase "parameters are named after their projection, and biases are left out as in the paper" (fun () ->
                let names withBias = (make 4 2 withBias true 1UL).Parameters |> Seq.map _.Name |> List.ofSeq

                Expect.equal
                    (names false)
                    [ for role in [ "query"; "key"; "value"; "output" ] -> $"{role}.weight" ]
                    "without"

                Expect.equal (names true).Length 8 "with"
                Expect.equal (make 4 2 false true 1UL).ParameterCount 64L "4 d squared")

            testCase
                "the weights, which the tape shows at its place, sum to 1 over the keys of each query and head"
                (fun () ->
                    let x = normal (RandomStream 2UL) [ 2; 3; 4 ]
                    let _, weights = apply (make 4 2 false true 1UL) AttentionMask.Causal x x
                    Expect.equal weights.Shape (shape [ 2; 2; 3; 3 ]) "shape"
                    expectClose 1e-14 (rowsOf weights |> Array.map Array.sum) (Array.create 12 1.0) "sums")

            testCase "without the scale scores are larger by the root of the head's width" (fun () ->
                let x = normal (RandomStream 3UL) [ 1; 2; 32 ]

                let logRatio scaled =
                    let _, weights = apply (make 32 2 false scaled 1UL) AttentionMask.None x x
                    log (weights[0, 0, 0, 0] / weights[0, 0, 0, 1])

                expectNear 1e-10 (logRatio false) (4.0 * logRatio true) "ratio")

            testCase "heads that do not divide the features are refused" (fun () ->
                for heads in [ 3; 0; -1 ] do
                    refusesShape [ $"{heads} heads cannot share 4 features"; "choose a divisor of 4" ] (fun () ->
                        make 4 heads false true 1UL)

                refusesShape [ "queries and keys of 0 features"; "null for 2" ] (fun () ->
                    makeWith (Some 0) 4 2 false true 1UL))
        ]
