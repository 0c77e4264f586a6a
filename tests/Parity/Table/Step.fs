namespace Hybrid.Parity

open Hybrid.Autodiff
open Hybrid.Kernels
open Hybrid.Tensors
open TorchSharp

/// A step of a recorded pass, as its formula in torch sees it.
type Step(operation: Operation, chance: RandomStream) =
    /// What the rule was told beside its inputs, by name: step?eps.
    static member (?)(step: Step, name: string) : 'Told = step.Told name

    member private _.Told<'Told> name =
        operation.Attributes
        |> Seq.tryPick (fun struct (key, value) -> if key = name then Some(unbox<'Told> value) else None)
        |> Option.defaultWith (fun () ->
            failwith $"{operation} does not record its {name}; its form in core/Rules has to, for torch to repeat it")

    /// What dropout leaves, by our mask, which is drawn again from its place in the stream.
    member step.Dropout (rate: float) (x: torch.Tensor) =
        if rate = 0.0 then
            x
        else
            let extents = [ for extent in x.shape -> int extent ]
            let kept = Numbers.ours<float> extents (Array.create (Numbers.count extents) 1.0)
            DropoutMask.Apply(rate, chance, step.Told "position", kept, kept, false)
            let mask = kept.ToArray() |> Array.map (fun kept -> if kept = 0.0 then 0.0 else 1.0)

            x * (Numbers.theirs<float> extents mask).``to``(x.dtype)
            / torch.tensor (1.0 - rate, dtype = x.dtype)

/// What torch computes for a step: its values from its inputs, constants included, in the rule's order.
type Formula = Step -> torch.Tensor list -> torch.Tensor list

/// The words in which formulas are written.
[<AutoOpen>]
module Formula =
    let private refuse (inputs: torch.Tensor list) =
        failwith $"the formula was given {inputs.Length} inputs, which it does not take"

    let unary f (inputs: torch.Tensor list) : torch.Tensor list =
        match inputs with
        | [ x ] -> [ f x ]
        | _ -> refuse inputs

    let binary f (inputs: torch.Tensor list) : torch.Tensor list =
        match inputs with
        | [ a; b ] -> [ f a b ]
        | _ -> refuse inputs

    let ternary f (inputs: torch.Tensor list) : torch.Tensor list =
        match inputs with
        | [ a; b; c ] -> [ f a b c ]
        | _ -> refuse inputs

    /// Of an input, a weight and perhaps a bias.
    let affine f (inputs: torch.Tensor list) : torch.Tensor list =
        match inputs with
        | [ x; weight ] -> [ f x weight None ]
        | [ x; weight; bias ] -> [ f x weight (Some bias) ]
        | _ -> refuse inputs

    let number (like: torch.Tensor) (value: float) = torch.tensor (value, dtype = like.dtype)
    let long (numbers: int[]) = Array.map int64<int> numbers
    let extents (shape: Shape) = long (shape.ToArray())
    let ids (numbers: int[]) = torch.tensor (long numbers, dtype = torch.int64)

    /// Our images, [batch, height, width, channels], as torch has them, [batch, channels, height, width], and back.
    let toPlanes (x: torch.Tensor) = x.permute [| 0L; 3L; 1L; 2L |]
    let ofPlanes (x: torch.Tensor) = x.permute [| 0L; 2L; 3L; 1L |]
