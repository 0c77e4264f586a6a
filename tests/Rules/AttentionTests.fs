module Hybrid.Tests.Rules.AttentionTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

/// Shapes, a mask that fits them, and the tensors.
type private Setting = { Heads: int; Scale: float; Mask: AttentionMask; Tensors: Tensor<float> list }

let private lengths (random: RandomStream) batch least keyTime =
    Array.init batch (fun _ -> least + random.NextBelow(keyTime + 1 - least))

let private drawnWith leastLength (sizes: Sizes) =
    let random = sizes.Random
    let heads = 1 + random.NextBelow 3
    let keyWidth, valueWidth = heads * (1 + random.NextBelow 3), heads * (1 + random.NextBelow 3)
    let kind = random.NextBelow 4
    let queryTime = sizes.Rows
    let keyTime = if kind >= 2 then queryTime else sizes.Columns

    {
        Heads = heads
        Scale = 0.3 + random.NextUniform()
        Mask =
            match kind with
            | 0 -> AttentionMask.None
            | 1 -> AttentionMask.Padding(lengths random sizes.Batch leastLength keyTime)
            | 2 -> AttentionMask.Causal
            | _ -> AttentionMask.CausalAndPadding(lengths random sizes.Batch leastLength keyTime)
        Tensors =
            [
                normal random [ sizes.Batch; queryTime; keyWidth ]
                normal random [ sizes.Batch; keyTime; keyWidth ]
                normal random [ sizes.Batch; keyTime; valueWidth ]
            ]
    }

let private drawn = drawnWith 0

let private attend setting _ (x: Variable<_>[]) =
    let struct (y, _) = x[0].Attention(x[1], x[2], setting.Heads, setting.Scale, setting.Mask)
    y

let private weightsOf setting =
    match setting.Tensors with
    | [ q; k; v ] ->
        let arena = Arena()
        let struct (_, weights, _) = Attention.Forward(setting.Heads, setting.Scale, setting.Mask, q, k, v, arena)
        weights.ToPersistent()
    | other -> failwith $"expected q, k and v, got {other.Length} tensors"

/// The columns of one head, as a matrix that picks them: [features, features / heads].
let private picker features heads head =
    let width = features / heads
    let isPicked i j = i = head * width + j

    tensor
        [ features; width ]
        [
            for i in 0 .. features - 1 do
                for j in 0 .. width - 1 -> if isPicked i j then 1.0 else 0.0
        ]

/// 0 where the mask shows a key, so low that its weight is 0 where it does not: [batch, queryTime, keyTime].
let private penalty setting (q: Shape) (k: Shape) =
    let hidden sequence query key = key >= setting.Mask.Visible(sequence, query, k[1])

    tensor
        [ q[0]; q[1]; k[1] ]
        [
            for s in 0 .. q[0] - 1 do
                for i in 0 .. q[1] - 1 do
                    for j in 0 .. k[1] - 1 -> if hidden s i j then -1e9 else 0.0
        ]

/// The same from elementary rules: pick each head's columns, MatMul, Scale, Softmax, MatMul, put the columns back.
let private composed setting (tape: Tape<float>) (x: Variable<float>[]) =
    let q, k, v = x[0], x[1], x[2]
    let pick (of': Variable<float>) head = tape.Constant(picker of'.Value.Shape.Columns setting.Heads head)
    let bias = tape.Constant(penalty setting q.Value.Shape k.Value.Shape)

    let attendIn head =
        let part (of': Variable<float>) = of'.Linear(pick of' head)
        let scores = (part q).MatMul((part k).Transpose())
        let p = (scores.Scale(setting.Scale) + bias).Softmax()
        p.MatMul(part v).LinearTransposed(pick v head)

    Seq.init setting.Heads attendIn |> Seq.reduce (+)

let private change (at: int list) value (x: Tensor<float>) =
    let copy = x.ToPersistent()
    copy[Array.ofList at] <- value
    copy

let private gradients =
    testList
        "gradients"
        [
            property
                20
                "agree with central differences for every kind of mask, fully masked rows included"
                (fun sizes ->
                    let setting = drawn sizes
                    Gradients.expectRule "Attention" sizes.Random setting.Tensors [] (attend setting)
                    covers [ "ATT-4"; "ATT-5"; "ATT-6"; "ATT-7"; "ATT-8" ])

            property 10 "add up in self-attention, where queries, keys and values are one variable" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Batch; sizes.Rows; 4 ]
                let setting = { Heads = 2; Scale = 0.7; Mask = AttentionMask.Causal; Tensors = [ x ] }
                let record tape (x: Variable<float>[]) = attend setting tape [| x[0]; x[0]; x[0] |]
                Gradients.expectRule "Attention" random [ x ] [] record)

            property
                25
                "equal those of MatMul, Scale, Softmax and MatMul on the same tape, and so do the values"
                (fun sizes ->
                    let setting = drawnWith 1 sizes
                    let y, d = runDouble sizes.Random setting.Tensors (attend setting)
                    let yComposed, dComposed = runDouble sizes.Random setting.Tensors (composed setting)
                    expectClose 1e-13 (floats y) (floats yComposed) "value"

                    for i in 0..2 do
                        expectClose 1e-12 (floats d[i]) (floats dComposed[i]) $"gradient {i}"

                    covers [ "ATT-1"; "ATT-2"; "ATT-3" ])
        ]

let private invariants =
    testList
        "invariants"
        [
            property 25 "weights are 0 on hidden keys and sum to 1 over the others" (fun sizes ->
                let setting = drawn sizes
                let weights = weightsOf setting
                let batch, queryTime, keyTime = weights.Shape[0], weights.Shape[2], weights.Shape[3]

                for sequence in 0 .. batch - 1 do
                    for head in 0 .. setting.Heads - 1 do
                        for query in 0 .. queryTime - 1 do
                            let visible = setting.Mask.Visible(sequence, query, keyTime)
                            let keys = row ((sequence * setting.Heads + head) * queryTime + query) weights
                            Expect.all keys[visible..] ((=) 0.0) "hidden"
                            expectNear 1e-14 (Array.sum keys[.. visible - 1]) (if visible > 0 then 1.0 else 0.0) "sum")

            property 25 "permuting the keys together with the values changes nothing" (fun sizes ->
                let setting = { drawn sizes with Mask = AttentionMask.None }
                let q, k, v = setting.Tensors[0], setting.Tensors[1], setting.Tensors[2]
                let keyTime = k.Shape[1]
                let order = permutation sizes.Random keyTime

                let everywhere =
                    [|
                        for s in 0 .. k.Shape[0] - 1 do
                            for i in order -> s * keyTime + i
                    |]

                let y = valueOf [ q; k; v ] (attend setting)
                let permuted = valueOf [ q; permuteRows everywhere k; permuteRows everywhere v ] (attend setting)
                expectClose 1e-13 (floats permuted) (floats y) "value")

            property
                25
                "under a causal mask, what comes later changes nothing that came before, to the bit"
                (fun sizes ->
                    let random = sizes.Random
                    let time = sizes.Rows + 1
                    let x = normal random [ sizes.Batch; time; 4 ]
                    let setting = { Heads = 2; Scale = 1.0; Mask = AttentionMask.Causal; Tensors = [] }
                    let self tape (x: Variable<float>[]) = attend setting tape [| x[0]; x[0]; x[0] |]
                    let y = rowsOf (valueOf [ x ] self)
                    let changed = rowsOf (valueOf [ change [ 0; time - 1; 2 ] 9.0 x ] self)
                    Expect.equal changed[.. time - 2] y[.. time - 2] "before"
                    Expect.notEqual changed[time - 1] y[time - 1] "from there on")

            property 25 "a sequence does not know of the others in its batch" (fun sizes ->
                let random = sizes.Random
                let make () = normal random [ sizes.Batch; sizes.Rows; 4 ]
                let q, k, v = make (), make (), make ()
                let setting = { Heads = 2; Scale = 0.5; Mask = AttentionMask.None; Tensors = [] }
                let y = valueOf [ q; k; v ] (attend setting)

                for s in 0 .. sizes.Batch - 1 do
                    let only (x: Tensor<float>) =
                        tensor [ 1; sizes.Rows; 4 ] (Array.chunkBySize (sizes.Rows * 4) (floats x) |> Array.item s)

                    let alone = valueOf [ only q; only k; only v ] (attend setting)
                    expectClose 1e-14 (floats alone) (floats (only y)) "value")

            property 25 "what stands in the padding changes nothing, and receives no gradient" (fun sizes ->
                let random = sizes.Random
                let time = sizes.Rows + 1
                let make () = normal random [ 1; time; 4 ]
                let q, k, v, dy = make (), make (), make (), make ()
                let setting = { Heads = 2; Scale = 0.5; Mask = AttentionMask.Padding [| time - 1 |]; Tensors = [] }
                let run k v = runAlong dy [ q; k; v ] (attend setting)

                let (y, d), (changed, dchanged) =
                    run k v, run (change [ 0; time - 1; 0 ] 50.0 k) (change [ 0; time - 1; 3 ] -50.0 v)

                Expect.equal (floats changed) (floats y) "value"
                Expect.equal (Array.map floats dchanged) (Array.map floats d) "gradients"
                Expect.all (Array.append (row (time - 1) d[1]) (row (time - 1) d[2])) ((=) 0.0) "of the padding")

            property 25 "heads do not know of each other" (fun sizes ->
                let random = sizes.Random
                let make () = normal random [ 1; sizes.Rows; 6 ]
                let q, k, v = make (), make (), make ()
                let setting = { Heads = 2; Scale = 0.5; Mask = AttentionMask.None; Tensors = [] }
                let y = rowsOf (valueOf [ q; k; v ] (attend setting))

                let other =
                    rowsOf (
                        valueOf
                            [ change [ 0; 0; 4 ] 9.0 q; change [ 0; 0; 5 ] 9.0 k; change [ 0; 0; 3 ] 9.0 v ]
                            (attend setting)
                    )

                Expect.equal (other |> Array.map (Array.take 3)) (y |> Array.map (Array.take 3)) "first head")

            property 25 "equal values come back as they are, and scale 0 gives the mean of the values" (fun sizes ->
                let random = sizes.Random
                let q, k = normal random [ 1; sizes.Rows; 2 ], normal random [ 1; sizes.Columns; 2 ]
                let setting = { Heads = 1; Scale = 1.0; Mask = AttentionMask.None; Tensors = [] }
                let equal = mapTensor (fun _ -> 2.5) k

                expectClose
                    1e-14
                    (floats (valueOf [ q; k; equal ] (attend setting)))
                    (Array.create (2 * sizes.Rows) 2.5)
                    "equal"

                let mean =
                    rowsOf k |> Array.reduce (Array.map2 (+)) |> Array.map (fun sum -> sum / float sizes.Columns)

                let y = rowsOf (valueOf [ q; k; k ] (attend { setting with Scale = 0.0 }))
                expectClose 1e-14 (Array.concat y) (Array.replicate sizes.Rows mean |> Array.concat) "mean")
        ]

let private extremes =
    let plain heads mask = { Heads = heads; Scale = 1.0; Mask = mask; Tensors = [] }

    testList
        "extremes"
        [
            testCase "a fully masked row gives zeros and passes no gradient, in both precisions" (fun () ->
                let random = RandomStream 3UL
                let inputs = [ normal random [ 2; 3; 4 ]; normal random [ 2; 5; 4 ]; normal random [ 2; 5; 4 ] ]
                let setting = plain 2 (AttentionMask.Padding [| 0; 5 |])
                let y, d = runDouble random inputs (attend setting)
                let ySingle, dSingle = runSingle random (List.map toSingle inputs) (attend setting)

                for masked in
                    floats y :: floats ySingle :: [ for gradient in d -> floats gradient ]
                    @ [ for gradient in dSingle -> floats gradient ] do
                    Expect.all masked[.. masked.Length / 2 - 1] ((=) 0.0) "first sequence"
                    Expect.all masked Double.IsFinite "finite")

            testCase "scores of plus and minus 1e4 pick one key, in both precisions" (fun () ->
                let q, k = tensor [ 1; 2; 1 ] [ 100.0; -100.0 ], tensor [ 1; 2; 1 ] [ 100.0; -100.0 ]
                let inputs = [ q; k; tensor [ 1; 2; 1 ] [ 3.0; 4.0 ] ]
                let y, d = runDouble (RandomStream 1UL) inputs (attend (plain 1 AttentionMask.None))
                Expect.equal (floats y) [| 3.0; 4.0 |] "double"
                Array.iter (fun gradient -> expectAllFinite gradient "gradient") d

                Expect.equal
                    (floats (valueOf (List.map toSingle inputs) (attend (plain 1 AttentionMask.None))))
                    [| 3.0; 4.0 |]
                    "float")

            testCase "with a single key every query gets its value, and queries and keys get no gradient" (fun () ->
                let random = RandomStream 2UL
                let v = normal random [ 1; 1; 2 ]

                let y, d =
                    runDouble
                        random
                        [ normal random [ 1; 3; 2 ]; normal random [ 1; 1; 2 ]; v ]
                        (attend (plain 1 AttentionMask.None))

                Expect.equal (rowsOf y) (Array.replicate 3 (floats v)) "value"
                Expect.all (Array.append (floats d[0]) (floats d[1])) ((=) 0.0) "gradients")

            testCase "denormal scores count as zeros" (fun () ->
                let tiny = tensor [ 1; 2; 1 ] [ Single.Epsilon; -Single.Epsilon ]
                let y = valueOf [ tiny; tiny; tensor [ 1; 2; 1 ] [ 1f; 2f ] ] (attend (plain 1 AttentionMask.None))
                Expect.equal (floats y) [| 1.5; 1.5 |] "mean")

            testCase "an empty batch, no queries, no keys and no features have a result" (fun () ->
                let run q k v =
                    runSingle
                        (RandomStream 1UL)
                        [ zeros<float32> q; zeros k; zeros v ]
                        (attend (plain 1 AttentionMask.None))

                let shapeOf (y: Tensor<float32>, _) = y.Shape
                Expect.equal (shapeOf (run [ 0; 2; 2 ] [ 0; 3; 2 ] [ 0; 3; 2 ])) (shape [ 0; 2; 2 ]) "batch"
                Expect.equal (shapeOf (run [ 1; 0; 2 ] [ 1; 3; 2 ] [ 1; 3; 2 ])) (shape [ 1; 0; 2 ]) "queries"
                Expect.equal (shapeOf (run [ 1; 2; 0 ] [ 1; 3; 0 ] [ 1; 3; 2 ])) (shape [ 1; 2; 2 ]) "features"
                let y, _ = run [ 1; 2; 2 ] [ 1; 0; 2 ] [ 1; 0; 2 ]
                Expect.equal (floats y) (Array.zeroCreate 4) "keys")
        ]

let private refusals =
    let attend heads scale q k v () =
        Attention.Forward(heads, scale, AttentionMask.None, zeros<float> q, zeros k, zeros v, Arena())

    testList
        "refusals"
        [
            testCase "tensors that are not [batch, time, features] are refused" (fun () ->
                refusesShape
                    [ "[batch, time, features]"; "got [2, 4]" ]
                    (attend 1 1.0 [ 2; 4 ] [ 1; 2; 4 ] [ 1; 2; 4 ])

                for k, v in [ [ 2; 4 ], [ 1; 2; 4 ]; [ 1; 2; 4 ], [ 2; 4 ] ] do
                    refusesShape [ "[batch, time, features]" ] (attend 1 1.0 [ 1; 2; 4 ] k v))

            testCase "tensors that do not fit each other are refused" (fun () ->
                for q, k, v in
                    [
                        [ 2; 3; 4 ], [ 1; 3; 4 ], [ 1; 3; 4 ]
                        [ 1; 3; 4 ], [ 1; 3; 4 ], [ 2; 3; 4 ]
                        [ 1; 3; 4 ], [ 1; 3; 4 ], [ 1; 5; 4 ]
                        [ 1; 3; 4 ], [ 1; 3; 6 ], [ 1; 3; 4 ]
                    ] do
                    refusesShape
                        [ "do not fit"; "one batch"; "as many values as keys"; "as wide" ]
                        (attend 1 1.0 q k v))

            testCase "heads that do not divide the features are refused" (fun () ->
                for heads, width in [ 3, 6; 0, 4; -1, 4; 2, 3 ] do
                    refusesShape
                        [ $"{heads} heads cannot share"; "choose a divisor" ]
                        (attend heads 1.0 [ 1; 2; 4 ] [ 1; 2; 4 ] [ 1; 2; width ]))

            testCase "a scale that is not a number is refused" (fun () ->
                for scale in [ nan; infinity ] do
                    refuses<ArgumentException, _>
                        [ "scale must be a finite number" ]
                        (attend 1 scale [ 1; 2; 4 ] [ 1; 2; 4 ] [ 1; 2; 4 ]))
        ]

[<Tests>]
let tests = testList "Rules.Attention" [ gradients; invariants; extremes; refusals ]
