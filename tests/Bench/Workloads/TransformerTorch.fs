/// The training step of a Transformer in TorchSharp, as its users would write it for speed: the library's own modules and
/// its fused attention, and one product for all projections of the same input.
module Hybrid.Bench.TransformerTorch

open Hybrid.Layers
open Hybrid.Text
open TorchSharp
open TorchSharp.Modules

type private Function = torch.Tensor -> torch.Tensor

/// Makes the modules of a model, starting from the weights that our layers of the same names have.
type private Modules(size: TransformerSize) =
    let parameters = ResizeArray<Parameter>()

    let register (modul: torch.nn.Module) = parameters.AddRange(modul.parameters ())

    let load (target: torch.Tensor) (values: torch.Tensor) =
        use _ = torch.no_grad ()
        target.copy_ values |> ignore

    member _.Parameters = parameters

    /// One or more of our linear layers side by side.
    member _.Linear(withBias, input, output, names: string list) : Function =
        let linear = torch.nn.Linear(int64 input, int64 (output * names.Length), hasBias = withBias)

        let weights =
            [|
                for name in names ->
                    Torch.tensor [ input; output ] (TransformerSize.weights $"{name}.weight" input output)
            |]

        load linear.weight (torch.cat(weights, 1L).t())

        if withBias then
            let bias = nonNull linear.bias
            load bias (torch.zeros_like bias)

        register linear
        linear.forward

    member _.LayerNorm() : Function =
        let norm = torch.nn.LayerNorm(int64 size.Features)
        register norm
        norm.forward

    member _.Embedding name =
        let embedding = torch.nn.Embedding(int64 size.Vocabulary, int64 size.Features)

        let weights = TransformerSize.weights $"{name}.table" size.Vocabulary size.Features
        load (nonNull embedding.weight) (Torch.tensor [ size.Vocabulary; size.Features ] weights)
        register embedding
        embedding

/// [batch, time, features] to [batch, heads, time, headDim].
let private split (size: TransformerSize) (x: torch.Tensor) =
    x.view(x.shape[0], x.shape[1], int64 size.Heads, -1L).transpose(1L, 2L)

let private attend size isCausal (q: torch.Tensor) (k: torch.Tensor) (v: torch.Tensor) =
    let attended =
        torch.nn.functional.scaled_dot_product_attention (
            split size q,
            split size k,
            split size v,
            is_casual = isCausal
        )

    attended.transpose(1L, 2L).reshape(q.shape)

let private selfAttention (modules: Modules) (size: TransformerSize) name isCausal : Function =
    let width = size.Features
    let project = modules.Linear(false, width, width, [ $"{name}.query"; $"{name}.key"; $"{name}.value" ])
    let output = modules.Linear(false, width, width, [ $"{name}.output" ])

    fun x ->
        let parts = (project x).chunk(3L, 2L)
        output (attend size isCausal parts[0] parts[1] parts[2])

let private crossAttention (modules: Modules) (size: TransformerSize) name =
    let width = size.Features
    let query = modules.Linear(false, width, width, [ $"{name}.query" ])
    let project = modules.Linear(false, width, width, [ $"{name}.key"; $"{name}.value" ])
    let output = modules.Linear(false, width, width, [ $"{name}.output" ])

    fun (memory: torch.Tensor) x ->
        let parts = (project memory).chunk(2L, 2L)
        output (attend size false (query x) parts[0] parts[1])

let private feedForward (modules: Modules) (size: TransformerSize) name : Function =
    let expand = modules.Linear(true, size.Features, size.Hidden, [ $"{name}.expand" ])
    let contract = modules.Linear(true, size.Hidden, size.Features, [ $"{name}.contract" ])
    fun x -> contract (torch.nn.functional.relu (expand x, inplace = true))

/// The model's loss as a function of its dropout rate.
let private transformer (modules: Modules) (size: TransformerSize) =
    let drop rate (x: torch.Tensor) = if rate > 0.0 then torch.nn.functional.dropout (x, rate) else x

    let framed (sublayer: Function) =
        let norm = modules.LayerNorm()
        fun rate x -> norm (x + drop rate (sublayer x))

    let positions =
        let table = SinusoidalPositions.Table<single>(size.Time, size.Features)
        Torch.tensor [ size.Time; size.Features ] (table.ToArray())

    let embed (embedding: Embedding) rate (ids: torch.Tensor) =
        let factor = (sqrt (float size.Features)).ToScalar()
        drop rate (embedding.forward(ids).mul(factor) + positions)

    let source = modules.Embedding "source"

    let encoder =
        [
            for i in 0 .. size.Layers - 1 do
                framed (selfAttention modules size $"encoder.{i}.self" false)
                framed (feedForward modules size $"encoder.{i}.feedForward")
        ]

    let target = modules.Embedding "target"

    let decoder =
        [
            for i in 0 .. size.Layers - 1 do
                let self = framed (selfAttention modules size $"decoder.{i}.self" true)
                let cross, norm = crossAttention modules size $"decoder.{i}.cross", modules.LayerNorm()
                let forward = framed (feedForward modules size $"decoder.{i}.feedForward")

                fun memory rate x ->
                    let x = self rate x
                    let x = norm (x + drop rate (cross memory x))
                    forward rate x
        ]

    let sources, targets = TransformerSize.sentences size
    let matrix rows = Torch.ids [ size.Batch; size.Time ] (Array.concat rows)
    let sourceIds = matrix sources
    let inputIds = matrix (targets |> Array.map (Array.append [| Vocabulary.Begin |]))
    let targetIds = (matrix (targets |> Array.map (fun ids -> Array.append ids [| Vocabulary.End |]))).flatten()

    fun rate ->
        let memory = encoder |> List.fold (fun x layer -> layer rate x) (embed source rate sourceIds)
        let decoded = decoder |> List.fold (fun x layer -> layer memory rate x) (embed target rate inputIds)
        let logits = torch.matmul(decoded, (nonNull target.weight).t()).view(-1L, int64 size.Vocabulary)

        torch.nn.functional.cross_entropy (
            logits,
            targetIds,
            ignore_index = int64 Vocabulary.Padding,
            label_smoothing = TransformerSize.smoothing
        )

let side size withOptimizer () =
    torch.manual_seed 2L |> ignore
    let modules = Modules size
    let loss = transformer modules size

    let optimizer =
        torch.optim.Adam(
            modules.Parameters,
            TransformerSize.learningRate,
            TransformerSize.beta1,
            TransformerSize.beta2,
            TransformerSize.eps
        )

    let step rate =
        optimizer.zero_grad ()
        let loss = loss rate
        loss.backward ()
        loss.ToDouble()

    Side.training withOptimizer Torch.number (fun () -> step TransformerSize.dropout) (fun () -> step 0.0) (fun () ->
        optimizer.step () |> ignore)
