(**
# Attention Is All You Need, in TorchSharp

The page [scripts/transformer.fsx](../transformer.fsx) derives every gradient of this model by hand. Here is the same paper as
users of a framework write it: modules, autograd, an optimizer from the library. TorchSharp is PyTorch's engine (libtorch) under
.NET. The script

1. loads weights that the page saved, or fresh ones, and shows that both programs compute the same logits, loss and gradients;
2. trains both on the same batches from the same start, and shows that their loss curves lie on each other;
3. names for each call the hand-derived piece that it replaces, and the defaults in which the two differ.

It needs Linux on x64 and fetches libtorch when it first runs. On other systems, replace the package `libtorch-cpu-linux-x64`
below by the one for your system, such as `libtorch-cpu-win-x64` or `libtorch-cpu-osx-arm64` (untested).

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
let page = Page.start "torch/transformer" [ Extra.Steps; Extra.Weights; Extra.Device ]

#r "nuget: TorchSharp, 0.107.0"
#r "nuget: libtorch-cpu-linux-x64, 2.10.0"
// TorchSharp asks for versions of these two that do not exist; naming others keeps the notice away.
#r "nuget: SharpZipLib, 1.4.1"
#r "nuget: SkiaSharp, 2.88.9"
#load "../../tests/TorchHost/TorchHost.fs"

// Where the system's C++ library is too old for libtorch, this starts the script again under a host that has a newer one.
Hybrid.TorchHost.ensure ()

open System
open System.Collections.Generic
open System.IO
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Data
open Hybrid.Kernels
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Text
open Plotly.NET
open TorchSharp
open TorchSharp.Modules

let device = torch.device page.Device

if page.Device = "cuda" && not (torch.cuda.is_available ()) then
    Host.refuse
        "--device cuda: libtorch finds no GPU; reference TorchSharp-cuda-linux in this script, or leave the option out for cpu."

(**
## The model

A module registers the modules in its fields (`RegisterComponents`), so that `parameters`, `eval` and `load_state_dict` find them.
Fields bear the names that the core's parameters have in a saved file. The comments name what each call replaces: an equation of
the page, with its backward pass, and the file of the core that holds both.
*)
/// Multi-head attention, and the norm of the frame around it. Replaces core/Layers/MultiHeadAttention.cs.
type Attention(s: TransformerSettings, isCausal: bool) as this =
    inherit
        torch.nn.Module<torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor>("Attention")

    let width, heads = int64 s.Features, int64 s.Heads
    // LIN-1 forward, LIN-2 to LIN-4 back: core/Rules/Linear.cs
    let query = torch.nn.Linear(width, width, hasBias = s.AttentionBias)
    let key = torch.nn.Linear(width, width, hasBias = s.AttentionBias)
    let value = torch.nn.Linear(width, width, hasBias = s.AttentionBias)
    let output = torch.nn.Linear(width, width, hasBias = s.AttentionBias)
    let norm = torch.nn.LayerNorm(width)
    // The library always divides by √d_k; this takes it back where the settings do not want it.
    let factor = if s.ScaledAttention then 1.0 else sqrt (float (width / heads))
    do this.RegisterComponents()

    member _.Norm = norm

    /// seen is true where a key may be looked at; null shows all of them.
    override _.forward(x, memory, seen) =
        // [batch, time, features] to [batch, heads, time, d_k]. The core reads slices in place.
        let split (x: torch.Tensor) =
            x.reshape(x.shape[0], x.shape[1], heads, -1L).transpose(1, 2)

        // ATT-1 to ATT-3 forward, ATT-4 to ATT-8 back, SM-1 and SM-2 within: core/Rules/Attention.cs
        let attended =
            torch.nn.functional.scaled_dot_product_attention (
                split (query.forward x) * factor.ToScalar(),
                split (key.forward memory),
                split (value.forward memory),
                attn_mask = seen,
                is_casual = isCausal
            )

        output.forward (attended.transpose(1, 2).flatten (2L))

/// Two linear layers and a rectifier, and the norm of their frame. Replaces core/Layers/PositionwiseFeedForward.cs.
type FeedForward(s: TransformerSettings) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor>("FeedForward")

    let expand = torch.nn.Linear(int64 s.Features, int64 s.HiddenFeatures)
    let contract = torch.nn.Linear(int64 s.HiddenFeatures, int64 s.Features)
    let norm = torch.nn.LayerNorm(int64 s.Features)
    do this.RegisterComponents()

    member _.Norm = norm

    override _.forward x =
        // RELU-1 and RELU-2; the core fuses them with the bias: core/Rules/LinearRelu.cs
        contract.forward (torch.nn.functional.relu (expand.forward x))

/// Residual connection, dropout and norm around a sublayer. Replaces core/Models/TransformerSublayer.cs.
let framed (s: TransformerSettings) (norm: LayerNorm) (dropout: Dropout) sublayer x =
    // LN-1 to LN-8: core/Rules/LayerNorm.cs. DO-1 and DO-2: core/Rules/Dropout.cs. ADD-1 to ADD-3: core/Rules/Add.cs
    if s.NormFirst then
        x + dropout.forward (sublayer (norm.forward x))
    else
        norm.forward (x + dropout.forward (sublayer x))

/// Replaces, with the next one, core/Models/TransformerBlock.cs.
type EncoderLayer(s: TransformerSettings) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor, torch.Tensor>("EncoderLayer")

    let self = new Attention(s, false)
    let feedForward = new FeedForward(s)
    let dropout = torch.nn.Dropout s.Dropout
    do this.RegisterComponents()

    override _.forward(x, seen) =
        x
        |> framed s self.Norm dropout (fun y -> self.forward (y, y, seen))
        |> framed s feedForward.Norm dropout feedForward.forward

type DecoderLayer(s: TransformerSettings) as this =
    inherit
        torch.nn.Module<torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor>("DecoderLayer")

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
    let power = torch.pow (10000.0.ToScalar(), pair * (2.0 / float s.Features).ToScalar())
    let angle = position / power
    torch.stack([| angle.sin (); angle.cos () |], -1).flatten (1L)

/// The encoder-decoder. Replaces core/Models/Transformer.cs.
type TransformerModule(s: TransformerSettings) as this =
    inherit torch.nn.Module<torch.Tensor, torch.Tensor, torch.Tensor>("Transformer")

    let width = int64 s.Features
    // EMB-1 forward, EMB-2 back: core/Rules/Embedding.cs
    let source = torch.nn.Embedding(int64 s.SourceVocabulary, width)
    let target = torch.nn.Embedding(int64 s.TargetVocabulary, width)
    let encoder = torch.nn.ModuleList<EncoderLayer>()
    let decoder = torch.nn.ModuleList<DecoderLayer>()

    let norm () : torch.nn.Module<torch.Tensor, torch.Tensor> =
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

        // [batch, 1, 1, sourceTime], the same for all heads and queries: core/Rules/AttentionMask.cs
        let seen = sourceIds.ne((int64 Vocabulary.Padding).ToScalar()).unsqueeze(1).unsqueeze (1)
        let read = Seq.fold (fun x (layer: EncoderLayer) -> layer.forward (x, seen))
        let memory = encoderNorm.forward (read (embed source sourceIds) encoder)
        let say = Seq.fold (fun x (layer: DecoderLayer) -> layer.forward (x, memory, seen))
        let decoded = decoderNorm.forward (say (embed target targetIds) decoder)

        // LIN-5 forward, LIN-6 and LIN-7 back, where the matrix is the embedding's
        if s.TieTargetEmbedding then
            torch.nn.functional.linear (decoded, target.weight)
        else
            output.forward decoded

/// CE-1 and CE-2 forward, CE-3 back: core/Rules/CrossEntropy.cs.
let smoothing = 0.1

let crossEntropy (logits: torch.Tensor) (targets: torch.Tensor) =
    torch.nn.functional.cross_entropy (
        logits.flatten (0L, 1L),
        targets.flatten (),
        ignore_index = int64 Vocabulary.Padding,
        label_smoothing = smoothing
    )
