(**
# Attention Is All You Need, in TorchSharp

The page [scripts/transformer.fsx](../transformer.fsx) derives every gradient of this model by hand. Here is the same paper as
users of a framework write it: modules, autograd, an optimizer from the library. TorchSharp is PyTorch's engine (libtorch) under
.NET. The script

1. loads weights that the page saved, or fresh ones, and shows that both programs compute the same logits, loss and gradients;
2. trains both on the same batches from the same start, and shows how far apart their losses are, in double and in single;
3. names for each call the hand-derived piece that it replaces, and the defaults in which the two differ.

The default run takes about a minute on two idle cores, several on busy ones; `--quick` about twenty seconds.

It needs Linux on x64 and fetches libtorch when it first runs. On other systems, replace the package `libtorch-cpu-linux-x64`
below by the one for yours, such as `libtorch-cpu-win-x64` or `libtorch-cpu-osx-arm64` (untested).

    [lang=text]
    dotnet fsi scripts/transformer.fsx -- --save model.safetensors
    dotnet fsi scripts/torch/transformer.fsx -- --weights model.safetensors
    dotnet fsi scripts/torch/transformer.fsx -- --help

**On a GPU** (untested): replace the same line by `#r "nuget: TorchSharp-cuda-linux, 0.107.0"` (`TorchSharp-cuda-windows` on
Windows; some gigabytes) and start the script with `--device cuda`. The core stays on the processor.
*)
#load "../ensure.fsx"
#load "../prelude.fsx"

open Hybrid.Scripts

// Options are read before libtorch is fetched.
let page =
    Page.start "torch/transformer" [ Extra.Steps; Extra.Resume; Extra.Weights; Extra.Device ]

#r "nuget: TorchSharp, 0.107.0"
#r "nuget: libtorch-cpu-linux-x64, 2.10.0"
// TorchSharp asks for versions of these two that do not exist; others keep the notice away.
#r "nuget: SharpZipLib, 1.4.1"
#r "nuget: SkiaSharp, 2.88.9"
#load "../../tests/TorchHost/TorchHost.fs"
#load "twin.fsx"

// Where the system's C++ library is too old for libtorch, this starts the script again under a
// host that has a newer one.
Hybrid.TorchHost.ensure ()

open System
open System.Collections.Generic
open System.IO
open System.Security.Cryptography
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Kernels
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Scripts
open Hybrid.Tensors
open Hybrid.Text
open TorchSharp
open TorchSharp.Modules

if page.Device = "cuda" && not (torch.cuda.is_available ()) then
    Host.refuse
        "--device cuda: libtorch finds no GPU; reference TorchSharp-cuda-linux, as told at the top."

let device = torch.device page.Device

(**
## The model

A module registers the modules in its fields (`RegisterComponents`), so that `parameters`, `eval` and `load_state_dict` find them.
Fields bear the names that the core's parameters have in a saved file. The comments name what each call replaces: an equation of
the page, with its backward pass, and the file of the core that holds both.
*)
type T = torch.Tensor

/// core/Layers/MultiHeadAttention.cs, and the norm of the frame around it.
type Attention(s: TransformerSettings, isCausal: bool) as this =
    inherit torch.nn.Module<T, T, T, T>("Attention")

    let width, heads = int64 s.Features, int64 s.Heads
    // LIN-1 forward, LIN-2 to LIN-4 back: core/Rules/Linear/Linear.cs
    let linear () = torch.nn.Linear(width, width, hasBias = s.AttentionBias)
    let query = linear ()
    let key = linear ()
    let value = linear ()
    let output = linear ()
    let norm = torch.nn.LayerNorm(width)
    // The library always divides by √d_k; this takes it back where the settings do not want it.
    let takesBack = not s.ScaledAttention
    let root = (sqrt (float (width / heads))).ToScalar()
    do this.RegisterComponents()

    member _.Norm = norm

    /// seen is true where a key may be looked at; null shows all of them.
    override _.forward(x, memory, seen) =
        // [batch, time, features] to [batch, heads, time, d_k]. The core reads slices in place.
        let split (x: torch.Tensor) =
            x.reshape(x.shape[0], x.shape[1], heads, -1L).transpose(1, 2)

        let queries = split (query.forward x)

        // ATT-1 to ATT-3 forward, ATT-4 to ATT-8 back, with SM-1 and SM-2: core/Rules/Sequences/Attention.cs
        let attended =
            torch.nn.functional.scaled_dot_product_attention (
                (if takesBack then queries * root else queries),
                split (key.forward memory),
                split (value.forward memory),
                attn_mask = seen,
                is_casual = isCausal
            )

        output.forward (attended.transpose(1, 2).flatten(2L))

/// core/Layers/FeedForward.cs, and the norm of its frame.
type FeedForward(s: TransformerSettings) as this =
    inherit torch.nn.Module<T, T>("FeedForward")

    let expand = torch.nn.Linear(int64 s.Features, int64 s.HiddenFeatures)
    let contract = torch.nn.Linear(int64 s.HiddenFeatures, int64 s.Features)
    let norm = torch.nn.LayerNorm(int64 s.Features)
    do this.RegisterComponents()

    member _.Norm = norm

    override _.forward x =
        // RELU-1 and RELU-2; the core fuses them with the bias: core/Rules/Linear/LinearRelu.cs
        contract.forward (torch.nn.functional.relu (expand.forward x))

/// Sublayer of core/Models/Transformer/TransformerBlock.cs: residual connection, dropout and norm around a sublayer.
let framed (s: TransformerSettings) (norm: LayerNorm) (dropout: Dropout) sublayer x =
    // core/Rules: LayerNorm.cs (LN-1 to LN-8), Dropout.cs (DO-1, DO-2), Elementary/Add.cs (ADD-1 to ADD-3)
    if s.NormFirst then
        x + dropout.forward (sublayer (norm.forward x))
    else
        norm.forward (x + dropout.forward (sublayer x))

/// core/Models/Transformer/TransformerBlock.cs, as is the next one.
type EncoderLayer(s: TransformerSettings) as this =
    inherit torch.nn.Module<T, T, T>("EncoderLayer")

    let self = new Attention(s, false)
    let feedForward = new FeedForward(s)
    let dropout = torch.nn.Dropout s.Dropout
    do this.RegisterComponents()

    override _.forward(x, seen) =
        x
        |> framed s self.Norm dropout (fun y -> self.forward (y, y, seen))
        |> framed s feedForward.Norm dropout feedForward.forward

type DecoderLayer(s: TransformerSettings) as this =
    inherit torch.nn.Module<T, T, T, T>("DecoderLayer")

    let self = new Attention(s, true)
    let cross = new Attention(s, false)
    let feedForward = new FeedForward(s)
    let dropout = torch.nn.Dropout s.Dropout
    do this.RegisterComponents()

    override _.forward(x, memory, seen) =
        x
        |> framed s self.Norm dropout (fun y -> self.forward (y, y, null))
        |> framed s cross.Norm dropout (fun y -> cross.forward (y, memory, seen))
        |> framed s feedForward.Norm dropout feedForward.forward

/// PE-1 and PE-2, [positions, features], in double: core/Layers/SinusoidalPositions.cs.
let sinusoids (s: TransformerSettings) =
    let position = torch.arange(float s.MaximumLength, dtype = torch.float64).unsqueeze(1)
    let pair = torch.arange (float (s.Features / 2), dtype = torch.float64)
    let power = torch.tensor(10000.0).pow(pair * (2.0 / float s.Features).ToScalar())
    let angle = position / power
    torch.stack([| angle.sin (); angle.cos () |], -1).flatten(1L)

/// core/Models/Transformer/Transformer.cs: the encoder-decoder.
type TransformerModule(s: TransformerSettings) as this =
    inherit torch.nn.Module<T, T, T>("Transformer")

    let width = int64 s.Features
    // EMB-1 forward, EMB-2 back: core/Rules/Linear/Embedding.cs
    let source = torch.nn.Embedding(int64 s.SourceVocabulary, width)
    let target = torch.nn.Embedding(int64 s.TargetVocabulary, width)
    let encoder = torch.nn.ModuleList<EncoderLayer>()
    let decoder = torch.nn.ModuleList<DecoderLayer>()

    let norm () : torch.nn.Module<T, T> =
        if s.NormFirst then torch.nn.LayerNorm(width) else torch.nn.Identity()

    let encoderNorm = norm ()
    let decoderNorm = norm ()

    let output =
        if s.TieTargetEmbedding then
            null
        else
            torch.nn.Linear(width, int64 s.TargetVocabulary, hasBias = false)

    let positions = sinusoids s
    let dropout = torch.nn.Dropout s.Dropout

    do
        for _ in 1 .. s.EncoderLayers do
            encoder.Add(new EncoderLayer(s))

        for _ in 1 .. s.DecoderLayers do
            decoder.Add(new DecoderLayer(s))

        this.RegisterComponents()

    /// Logits of the next token after each position, [batch, targetTime, targetVocabulary].
    override _.forward(sourceIds, targetIds) =
        let embed (embedding: Embedding) (ids: torch.Tensor) =
            let scaled = embedding.forward ids * (sqrt (float s.Features)).ToScalar()
            dropout.forward (scaled + positions.narrow (0, 0, ids.shape[1]))

        // [batch, 1, 1, sourceTime], for all heads and queries: core/Rules/Sequences/AttentionMask.cs
        let seen = sourceIds.ne((int64 Vocabulary.Padding).ToScalar()).unsqueeze(1).unsqueeze(1)
        let read = Seq.fold (fun x (layer: EncoderLayer) -> layer.forward (x, seen))
        let memory = encoderNorm.forward (read (embed source sourceIds) encoder)
        let say = Seq.fold (fun x (layer: DecoderLayer) -> layer.forward (x, memory, seen))
        let decoded = decoderNorm.forward (say (embed target targetIds) decoder)

        // LIN-5 forward, LIN-6 and LIN-7 back, where the matrix is the embedding's
        if s.TieTargetEmbedding then
            torch.nn.functional.linear (decoded, target.weight)
        else
            output.forward decoded

let smoothing = 0.1

/// CE-1 and CE-2 forward, CE-3 back: core/Rules/Losses/CrossEntropy.cs.
let crossEntropy (logits: torch.Tensor) (targets: torch.Tensor) =
    torch.nn.functional.cross_entropy (
        logits.flatten (0L, 1L),
        targets.flatten (),
        ignore_index = int64 Vocabulary.Padding,
        label_smoothing = smoothing
    )

(**
## Ours and theirs

| the core | PyTorch | what differs unless it is said |
|:--|:--|:--|
| `Rules/Linear/Linear.cs`, `Layers/Linear.cs` | `nn.Linear` | weight `[in, out]` here, `[out, in]` there. Start: Xavier uniform and a bias of 0 here; both uniform within 1/√in there |
| `Layers/Embedding.cs` | `nn.Embedding` | multiplied by √d and drawn from N(0, 1/d) here; not multiplied and drawn from N(0, 1) there |
| `Layers/SinusoidalPositions.cs` | none | to be written in both |
| `Layers/LayerNorm.cs` | `nn.LayerNorm` | nothing: ε is 10⁻⁵ inside the root, the variance is biased (divided by n), gain 1, bias 0 |
| `Rules/Sequences/Attention.cs` | `functional.scaled_dot_product_attention` | the scale is an argument here, always 1/√d_k there |
| `Layers/MultiHeadAttention.cs` | `nn.MultiheadAttention` | no biases here, biases there; there also one matrix for all three projections, `[3d, d]`, whose Xavier limit is √(6/4d) instead of √(6/2d), an output matrix uniform within 1/√d, and time before batch |
| `Rules/Sequences/AttentionMask.cs` | tensors of booleans | says how many keys are seen here. True means *seen* in `scaled_dot_product_attention`, but *hidden* in `nn.MultiheadAttention`, `key_padding_mask` and `attn_mask` alike |
| `Rules/Functions/Dropout.cs` | `nn.Dropout` | rate 0.5 there if none is given. A pass without a random stream drops nothing here; `eval()` says so there |
| `Models/Transformer/TransformerBlock.cs` | `nn.TransformerEncoderLayer` | there also dropout between the two feed-forward layers and on attention weights, which the paper does not have, and no norm first; so the layers above are our own |
| `Rules/Losses/CrossEntropy.cs` | `functional.cross_entropy` | the mean over what is not ignored, in both; padding is 0 here, `ignore_index` is -100 there. Smoothing is 0 there if none is given; ε is spread over all classes, the right one included, in both |
| `Optimizers/Adam.cs` | `optim.Adam` | nothing: β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸ outside the root. Section 5.3 has 0.98 and 10⁻⁹, `Adam.OfTransformer` here |
| `Optimizers/Schedule.cs` | `lr_scheduler.LambdaLR` | the rate of step 1, 2, ... here; a factor of the optimizer's rate, from step 0 on, there |
| `Autodiff/Tape.cs`, `Autodiff/Parameter.cs` | autograd | both add to a gradient until it is zeroed. A backward pass can itself be differentiated there, not here |
| `Memory/Arena.cs` | `torch.NewDisposeScope` | ends a step's tensors; a tensor kept too long throws in both |

## Weights and data

The file holds weights, settings and vocabularies. Without `--weights` it is made here, from the model that the page starts with
under the same seed. A weight of a linear layer is turned over on the way.
*)
let pairsOf part =
    [|
        for struct (word, said) in TsvPairs.Read(dataFile $"cmudict-g2p/{part}.tsv.gz") ->
            [| for letter in word -> string letter |],
            said.Split ' ' |> Array.map _.TrimEnd('0', '1', '2')
    |]
    |> Array.distinct

let trainWords, validWords = pairsOf "train", pairsOf "valid"

/// The page's model before its first step.
let saveFresh path =
    let source = Vocabulary.Of(Seq.map (fst >> Seq.ofArray) trainWords)
    let target = Vocabulary.Of(Seq.map (snd >> Seq.ofArray) trainWords)

    let settings =
        TransformerSettings(
            SourceVocabulary = source.Count,
            TargetVocabulary = target.Count,
            Features = 128,
            Heads = 4,
            EncoderLayers = 2,
            DecoderLayers = 2,
            HiddenFeatures = 512,
            MaximumLength = 64
        )

    let random = RandomStream(page.Seed).Split("training").Split("model")
    let tokens = readOnlyDict [ "sourceTokens", source.Tokens; "targetTokens", target.Tokens ]
    ModelFile.Save(path, Transformer<float32>(settings, random), tokens)

let file, saved, digest =
    let fresh = Path.Combine(Path.GetTempPath(), $"hybrid-{Guid.NewGuid():N}.safetensors")

    try
        try
            if page.Weights.IsNone then
                saveFresh fresh

            let path = defaultArg page.Weights fresh

            SafeTensors.Read path,
            ModelFile.LoadAll<Transformer<float32>>(path, convert = true),
            Convert.ToHexString(SHA256.HashData(File.ReadAllBytes path))
        with :? DataFileException as error ->
            Host.refuse error.Message
    finally
        File.Delete fresh

let settings = saved.Model.Settings
let source, target = saved.Vocabulary "sourceTokens", saved.Vocabulary "targetTokens"

if
    settings.ShareEmbeddings
    || settings.LearnedPositions
    || settings.KeySize.HasValue
    || not settings.Residual
then
    Host.refuse
        "the modules here are those of the paper's base model: tables of their own for each side, sinusoidal positions, d_k = d_model / h, residual connections; pass weights of such a model."

printfn $"{settings}\n{saved.Model.ParameterCount} parameters"

let encoded words =
    try
        [|
            for word, sounds in words -> SequencePair(source.Encode word, target.Encode sounds)
        |]
    with :? ArgumentException as error ->
        Host.refuse $"the weights belong to other words: {error.Message}"

let trainPairs, validPairs = encoded trainWords, encoded validWords

/// The core's model with the weights of the file.
let loadCore () =
    let model = Transformer<_>(settings, RandomStream 0UL)
    ModelFile.LoadInto(file, model.Parameters, convert = true)
    model

let torchName (name: string) =
    name
        .Replace(".table", ".weight")
        .Replace(".gain", ".weight")
        .Replace("coder.norm.", "coderNorm.")

let turned (name: string) (tensor: T) = if name.EndsWith ".weight" then tensor.t () else tensor

/// The same as modules.
let loadTorch (numbers: torch.ScalarType) =
    let model = new TransformerModule(settings)
    model.``to`` numbers |> ignore
    // A module's buffers belong to its state here; the file holds only what is trained.
    let state = Dictionary()
    state["positions"] <- sinusoids settings

    for entry in file.Tensors do
        let stored = entry.Value.ToTensor<float>()
        let extents = [| for axis in 0 .. stored.Shape.Rank - 1 -> int64 stored.Shape[axis] |]
        let values = torch.tensor (stored.ToArray(), ReadOnlySpan extents)
        state[torchName entry.Key] <- turned entry.Key values

    // Strict: a tensor that is missing or superfluous is an error that names it.
    model.load_state_dict state |> ignore
    model.``to`` device |> ignore
    // Nothing is dropped from here on: the two draw their random masks in different ways.
    model.eval ()
    model

let ids (batch: TokenBatch) =
    let shape = [| int64 batch.Shape[0]; int64 batch.Shape[1] |]
    torch.tensor (Array.map int64 batch.Ids, ReadOnlySpan shape, device = device)

(**
## Equal logits, loss and gradients

Batches of real words, half of them with padding on both sides. In double the two may differ by rounding only, 10⁻¹⁰ at most; in
single, in which models are trained, by 10⁻⁵. Logits are compared relative to the largest one if that exceeds 1, the gradient of
each parameter relative to its largest entry. Gradients are compared in double only: in single, the input of a rectifier may round to
the other side of 0, and then a gradient differs by all that comes through that unit.
*)
let agreementBatches =
    let byLength = LengthBuckets.Epoch(validPairs, 512, RandomStream(page.Seed).Split "order")
    let mixed = validPairs |> Array.chunkBySize 24 |> Array.map PairBatch
    Array.append (Array.take 4 byLength) (Array.take 4 mixed)

/// The greatest differences of logits, loss and gradients over the batches.
let compare (ours: Transformer<_>) (theirs: TransformerModule) =
    let tape = Tape()

    let differences =
        [
            for batch in agreementBatches do
                use _ = torch.NewDisposeScope()
                tape.Clear()
                let memory = ours.Encode(tape, batch.Source)
                let logits = ours.Decode(memory, batch.Source, batch.DecoderInput).Value
                let loss = ours.Loss(tape, batch, smoothing)
                let theirLogits = theirs.forward (ids batch.Source, ids batch.DecoderInput)
                let theirLoss = crossEntropy theirLogits (ids batch.DecoderTarget)

                for parameter in ours.Parameters do
                    parameter.ZeroGradient()

                tape.Backward loss
                theirs.zero_grad ()
                theirLoss.backward ()

                let gradients =
                    [
                        for parameter in ours.Parameters ->
                            let grad = theirs.get_parameter(torchName parameter.Name).grad
                            let apart = distance parameter.Gradient (turned parameter.Name grad)
                            apart / max (size parameter.Gradient) 1e-3
                    ]

                distance logits theirLogits / max (size logits) 1.0,
                distance loss.Value theirLoss,
                List.max gradients
        ]

    let logits, losses, gradients = List.unzip3 differences
    List.max logits, List.max losses, List.max gradients

let logits64, loss64, gradient64 =
    compare (loadCore (): Transformer<float>) (loadTorch torch.float64)

let logits32, loss32, _ =
    compare (loadCore (): Transformer<float32>) (loadTorch torch.float32)

check "core = TorchSharp, double, logits" logits64 1e-10
check "core = TorchSharp, double, loss" loss64 1e-10
check "core = TorchSharp, double, gradient of every parameter" gradient64 1e-10
check "core = TorchSharp, single, logits" logits32 1e-5
check "core = TorchSharp, single, loss" loss32 1e-5

(**
## Equal training

Both start from the file and see the same batches in the same order: the first steps of the page's run, with its warm-up, Adam's
constants from the paper and label smoothing 0.1.

Training amplifies differences: one in the last digit grows from step to step until the losses of single batches differ visibly. So
both also run in double, where rounding is half a billion times finer, and one more run of the core shows what rounding alone does:
it starts with every weight moved to the next larger number. Where the core ends as far from that run as from TorchSharp, rounding
explains the distance.
*)
let near numbers text reproduced partly =
    claim
        {
            Text = text
            Paper = "none: two programs are compared"
            Measure =
                $"mean |difference| of the losses in {numbers}, last tenth of the steps, nats"
            Threshold = $"reproduced at most %g{reproduced}, partly at most %g{partly}"
            Verdict = atMost reproduced partly
        }

let inDouble = near "double" "Core and TorchSharp compute the same training steps." 1e-6 0.02
let inSingle = near "single" "Their loss curves overlap in single precision too." 0.02 0.1

let steps = page.Steps(quick = 30, standard = 300)

let schedule step =
    Schedule.Warmup(step, settings.Features, 400, 0.5)
    * Schedule.Linear(step, max 8000 steps, 0.25)

let batches =
    let order = RandomStream(page.Seed).Split "order"

    Seq.initInfinite (fun _ -> LengthBuckets.Epoch(trainPairs, 512, order))
    |> Seq.concat
    |> Seq.take steps
    |> Array.ofSeq

/// What a run that was stopped has to have in common with the one that goes on.
let runSettings =
    [
        "seed", string page.Seed
        "steps", string steps
        "device", page.Device
        "weights", digest
    ]

// As many threads for one as for the other.
torch.set_num_threads Workers.Count

/// A tape, pullbacks, and core/Optimizers/Adam.cs (ADAM-1 to ADAM-4).
let trainCore name (model: Transformer<_>) =
    let tape = Tape()
    let adam = Adam<_>(model.Parameters, beta1 = 0.9, beta2 = 0.98, eps = 1e-9)
    let state = TrainingState()
    state.Add model.Parameters
    state.Add("adam", adam)

    measured name runSettings state batches (fun number batch ->
        tape.Clear()
        let loss = model.Loss(tape, batch, smoothing)
        adam.ZeroGradients()
        tape.Backward loss
        adam.Step(schedule number) // LR-1, LR-2: core/Optimizers/Schedule.cs
        Double.CreateChecked(loss.Value.ToScalar()))

/// Autograd in place of core/Autodiff/Tape.cs, LambdaLR around the same schedule.
let trainTorch name (model: TransformerModule) =
    let adam =
        torch.optim.Adam(model.parameters (), lr = 1.0, beta1 = 0.9, beta2 = 0.98, eps = 1e-9)

    let scheduler = torch.optim.lr_scheduler.LambdaLR(adam, fun i -> schedule (i + 1))
    let scheduled = ref 1

    measured name runSettings (torchState model adam) batches (fun number batch ->
        // A run that was stopped has to make up for the steps that it took before.
        while scheduled.Value < number do
            scheduler.step ()
            scheduled.Value <- scheduled.Value + 1

        use _ = torch.NewDisposeScope()
        let logits = model.forward (ids batch.Source, ids batch.DecoderInput)
        let loss = crossEntropy logits (ids batch.DecoderTarget)
        adam.zero_grad ()
        loss.backward ()
        adam.step () |> ignore
        loss.``to``(torch.float64).item<float>())

let nudged: Transformer<float32> =
    let model = loadCore ()

    for parameter in model.Parameters do
        for i in 0 .. parameter.Value.Length - 1 do
            parameter.Value.Span[i] <- MathF.BitIncrement parameter.Value.Span[i]

    model

let core32 = trainCore "core, single" (loadCore (): Transformer<float32>)
let torch32 = trainTorch "TorchSharp, single" (loadTorch torch.float32)
let rounded = trainCore "core, single, nudged" nudged
let core64 = trainCore "core, double" (loadCore (): Transformer<float>)
let torch64 = trainTorch "TorchSharp, double" (loadTorch torch.float64)

let inSingles, inDoubles = apart core32 torch32, apart core64 torch64
check "core = TorchSharp, single, loss of the first step" inSingles[0] 1e-5
check "core = TorchSharp, double, loss of the first step" inDoubles[0] 1e-10

settle inDouble [ (page.Seed, atTheEnd inDoubles) ] (core64.Seconds + torch64.Seconds)
settle inSingle [ (page.Seed, atTheEnd inSingles) ] (core32.Seconds + torch32.Seconds)

showDifferences
    [
        "core and TorchSharp, double", inDoubles
        "core and TorchSharp, single", inSingles
        "core and core nudged, single", apart core32 rounded
    ]

(**
Seconds are those of the steps alone. Memory is the resident set of this process, which holds both programs, .NET's heap and what it
has not given back: it shows orders of magnitude. Times mean little on a busy machine. `tests/Bench` measures both on equal terms.
*)
showRuns (batches |> Array.sumBy _.TargetTokens) [ core32; torch32; core64; torch64 ]
showLosses core32 torch32
printfn $"{steps} steps, {Workers.Count} threads each, TorchSharp on {page.Device}"
finish page
