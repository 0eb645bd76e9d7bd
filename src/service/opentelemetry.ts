import { messageOf } from '../protocol/encode.js';
import type { Attributes, CallEvent, ServeEvent } from '../protocol/observer.js';
import type { TraceContext } from '../protocol/trace-context.js';
import type { Observer } from './observer.js';

// The part of `@opentelemetry/api` (1.x) that is used here, so that whoever does without needs not install it.

/** `Context`: what is active, a span among it. */
export interface OtelContext {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): OtelContext;
  deleteValue(key: symbol): OtelContext;
}

/** `Span`: one piece of work in a trace. */
export interface OtelSpan {
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  recordException(error: string | Error): void;
  addEvent(name: string, attributes?: Attributes): unknown;
  end(): void;
}

/** What `import * as api from '@opentelemetry/api'` gives. */
export interface OpenTelemetry {
  readonly trace: {
    getTracer(name: string): {
      startSpan(
        name: string,
        options: { kind: number; attributes: Attributes },
        context: OtelContext,
      ): OtelSpan;
    };
    getSpan(context: OtelContext): object | undefined;
    // The span is one that `startSpan` gave.
    setSpan(context: OtelContext, span: never): OtelContext;
  };
  readonly context: {
    active(): OtelContext;
    with(context: OtelContext, fn: () => void): void;
  };
  readonly propagation: {
    inject(context: OtelContext, carrier: Record<string, string>): void;
    extract(context: OtelContext, carrier: Record<string, string>): OtelContext;
  };
  readonly ROOT_CONTEXT: OtelContext;
  readonly SpanKind: { readonly CLIENT: number; readonly SERVER: number };
  readonly SpanStatusCode: { readonly ERROR: number };
}

/**
 * Makes spans of calls: `dservice(name, api, { observe: otel(api) })`. A call that is made is a client span
 * below the one that is active, a call that is served a server span below the caller's, active while its
 * handler runs. The trace goes from one to the other by the propagator that is set for all, as far as that
 * writes `traceparent` and `tracestate`: W3C's does. Spans are named and described by the conventions for
 * RPC (https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/).
 */
export function otel(api: OpenTelemetry): Observer {
  const { trace, context, propagation, SpanKind, SpanStatusCode } = api;
  const tracer = trace.getTracer('dservice');
  const spans = new WeakMap<CallEvent | ServeEvent, OtelSpan>();

  const start = (event: CallEvent | ServeEvent, kind: number, parent: OtelContext): OtelContext => {
    const { attributes } = event;
    const span = tracer.startSpan(String(attributes['rpc.method']), { kind, attributes }, parent);
    spans.set(event, span);
    // Any span that this api made is one that it takes.
    return trace.setSpan(parent, span as never);
  };
  const end = (event: CallEvent | ServeEvent): void => {
    const span = spans.get(event);
    if (span === undefined) return;
    span.setAttributes(event.attributes);
    if (event.attributes['error.type'] !== undefined) {
      const { error } = event;
      const message = messageOf(error);
      span.recordException(error instanceof Error ? error : message);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    span.end();
  };

  return {
    'call:start'(call) {
      const active = context.active();
      // What the caller named goes before what is active, and that before the trace of the call being served.
      const away = call.traceGiven || trace.getSpan(active) === undefined;
      const parent = away ? propagation.extract(active, carrierOf(call.trace)) : active;
      const carrier: Record<string, string> = {};
      propagation.inject(start(call, SpanKind.CLIENT, parent), carrier);
      const { traceparent, tracestate } = carrier;
      if (traceparent === undefined) return;
      call.trace = tracestate === undefined ? { traceparent } : { traceparent, tracestate };
    },
    'call:retry': ({ call, attributes }) => void spans.get(call)?.addEvent('retry', attributes),
    'call:end': end,
    around(serving, handler) {
      // Not below what is active: the connection may have been made in the midst of something else.
      const parent = propagation.extract(api.ROOT_CONTEXT, carrierOf(serving.trace));
      context.with(start(serving, SpanKind.SERVER, parent), handler);
    },
    'serve:end': end,
  };
}

function carrierOf(trace: TraceContext | undefined): Record<string, string> {
  return { ...trace };
}
